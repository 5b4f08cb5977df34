"""What Ctrl-C does, and that it does what it did before once the body has ended."""

import os
import signal
import subprocess
import sys

import pytest

from sampan.cli.interrupts import StopOnInterrupt, on_interrupt


def interrupt_this_process() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_the_first_stops_and_the_second_leaves():
    interrupt = StopOnInterrupt()
    with on_interrupt(interrupt):
        assert not interrupt.stopped
        interrupt_this_process()
        assert interrupt.stopped
        with pytest.raises(KeyboardInterrupt):
            interrupt_this_process()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_leaving_at_once_raises_nothing():
    code = (
        "import os, signal; from sampan.cli.interrupts import exit_on_interrupt, on_interrupt\n"
        "try:\n"
        "    with on_interrupt(exit_on_interrupt): os.kill(os.getpid(), signal.SIGINT); print('went on')\n"
        "finally: print('unwound')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
