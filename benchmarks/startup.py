"""How long a start takes up to the first token, and what the time goes to.

    python -m benchmarks.startup [FOLDER] [--precision int8] [--repeat 5] [--json]

Each start is a process of its own that answers a prompt of 16 tokens with one. One start goes before, which packs the
weights where nobody has and brings the files into memory. What is printed is the median; pieces that other threads do
meanwhile overlap. Files of the interpreter and of Sampan should be compiled (`python -m compileall`), as pip does.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

PIECES = {
    "imported": "interpreter and imports, since the process began",
    "tokenizer": "tokenizer.json parsed",
    "chat_template": "Jinja imported, template compiled",
    "checked": "checksums of the store, beside the tokenizer",
    "loaded": "all that LLM() does",
    "first_step": "the prompt computed, one token drawn",
    "first_token": "from the start of the process to the first token",
}


def start(began: float, model: str | None, precision: str) -> dict[str, float]:
    """One start in this process: seconds of each piece, and gigabytes of memory."""
    from sampan import LLM, SamplingParams
    from sampan.backends.native import NativeBackend
    from sampan.quant.store_reader import MappedStore
    from sampan.text import ChatTemplate, Tokenizer

    pieces = {"imported": time.time() - began}

    def timed(owner: Any, method: str, piece: str) -> None:
        call: Callable[..., Any] = getattr(owner, method)

        def measured(*arguments: Any, **options: Any) -> Any:
            begin = time.perf_counter()
            try:
                return call(*arguments, **options)
            finally:
                pieces[piece] = time.perf_counter() - begin

        setattr(owner, method, measured)

    timed(Tokenizer, "from_dir", "tokenizer")
    timed(ChatTemplate, "__init__", "chat_template")
    timed(MappedStore, "verified", "checked")
    timed(NativeBackend, "execute", "first_step")
    begin = time.perf_counter()
    llm = LLM(model, precision=precision)
    pieces["loaded"] = time.perf_counter() - begin
    prompt = [token_id + 1 for token_id in range(16)]
    llm.generate(prompt_token_ids=[prompt], sampling_params=SamplingParams(max_tokens=1, ignore_eos=True))
    pieces["first_token"] = time.time() - began
    with open("/proc/self/status", encoding="ascii") as file:
        status = dict(re.findall(r"^(\w+):\s+(\d+) kB$", file.read(), re.MULTILINE))
    return {**pieces, "resident_gb": int(status["VmRSS"]) * 1024 / 1e9, "peak_gb": int(status["VmHWM"]) * 1024 / 1e9}


def start_elsewhere(model: str | None, precision: str) -> dict[str, float]:
    """The same in a new process."""
    call = f"start({time.time()}, {model!r}, {precision!r})"
    code = f"import json; from benchmarks.startup import start; print(json.dumps({call}))"
    run = subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True)
    pieces: dict[str, float] = json.loads(run.stdout)
    return pieces


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", nargs="?", help="a zoo name or a folder; the embedded model")
    parser.add_argument("--precision", default="int8")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    start_elsewhere(given.model, given.precision)
    starts = [start_elsewhere(given.model, given.precision) for _ in range(given.repeat)]
    medians = {piece: statistics.median(one[piece] for one in starts) for piece in starts[0]}
    if given.json:
        print(json.dumps({"precision": given.precision, "repeat": given.repeat, **medians}))
        return
    for piece, what in PIECES.items():
        if piece in medians:  # small models have no store to check
            print(f"{medians[piece] * 1000:8.0f} ms  {what}")
    print(f"{medians['resident_gb']:8.2f} GB  resident, {medians['peak_gb']:.2f} at most")


if __name__ == "__main__":
    main()
