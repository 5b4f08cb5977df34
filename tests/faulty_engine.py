"""An engine process with the embedded model and with faults: `python -m faulty_engine FD`. The first token of a prompt
says what happens when it is computed."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from sampan.cluster import engine_loop, engine_process, step_watch
from sampan.engine.engine import Engine

CRASH = 300  # every time
CRASH_ONCE = 301  # where the file named by FAULTS does not exist yet
HANG_ONCE = 302


class FaultyEngine(Engine):
    """Looks at what is about to run."""

    def step(self):
        requests = (*self.scheduler.running, *self.scheduler.waiting)
        firsts = {request.token_ids[0] for request in requests}
        if CRASH in firsts:
            os.kill(os.getpid(), signal.SIGSEGV)
        if {CRASH_ONCE, HANG_ONCE} & firsts and self._is_first():
            if CRASH_ONCE in firsts:
                os.kill(os.getpid(), signal.SIGSEGV)
            time.sleep(3600)
        return super().step()

    def _is_first(self) -> bool:
        marker = Path(os.environ["FAULTS"])
        is_first = not marker.exists()
        marker.touch()
        return is_first


def main() -> int:
    step_watch.MIN_STEP_SECONDS = 1.0
    step_watch.FIRST_STEP_SECONDS = 2.0
    load = engine_process.load

    def load_faulty(*args):
        loaded = load(*args)
        loaded.engine.__class__ = FaultyEngine
        return loaded

    engine_process.load = load_faulty
    return engine_process.main(int(sys.argv[1]))


if __name__ == "__main__":
    engine_loop.MAX_UNREAD_DELIVERIES = int(os.environ.get("MAX_UNREAD", engine_loop.MAX_UNREAD_DELIVERIES))
    sys.exit(main())
