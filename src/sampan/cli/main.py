"""The way in: finds the verb, settles its values, runs it, and turns whatever happens into an exit code.

Exit codes: 0 done, 1 failed, 2 wrong use, 130 interrupted, 141 the reader of our output went away. An error is two
short lines on stderr, what is wrong and what to do. SAMPAN_DEBUG=1 shows the traceback as well.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Any

from sampan.cli.help import program_help, verb_help
from sampan.cli.interrupts import INTERRUPTED
from sampan.cli.near import did_you_mean
from sampan.cli.parameters import CONFIG, Parameter, read_parameters
from sampan.cli.report import report
from sampan.cli.table import VERBS
from sampan.cli.words import sort_words
from sampan.errors import UsageError

READER_GONE = 141  # 128 + SIGPIPE


def main(words: Sequence[str] | None = None) -> int:
    """Runs one command line (without the program's name) and returns its exit code; never raises."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a character that the locale does not have must not end an answer
            stream.reconfigure(errors="replace")
    debug = os.environ.get("SAMPAN_DEBUG", "") not in ("", "0")
    if not debug:
        warnings.simplefilter("ignore")  # libraries warn their developers; users read our errors
    try:
        code = run(sys.argv[1:] if words is None else words)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whatever is still buffered cannot be written either: let the interpreter's last flush go nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_GONE
    except Exception as error:
        if debug:
            import traceback

            traceback.print_exc()
        return report(error)


def run(words: Sequence[str]) -> int:
    """Runs one command line.

    Raises:
        SampanError: anything that the user should read.
    """
    if words and words[0] == "help":
        words = [*words[1:2], "--help"]
    if not words or words[0] in ("--help", "-h"):
        print(program_help(), end="")
        return 0
    name, *rest = words
    if name == "--version":
        from sampan import __version__

        print(f"sampan {__version__}")
        return 0
    if name not in VERBS:
        what = "option" if name.startswith("-") else "verb"
        raise UsageError(f"unknown {what} {name}", remedy=did_you_mean(name, VERBS, "sampan --help lists the verbs"))
    verb = VERBS[name].load()
    flags = rest[: rest.index("--")] if "--" in rest else rest
    if "--help" in flags or "-h" in flags:
        print(verb_help(name, verb), end="")
        return 0
    return verb(**settle_verb(name, read_parameters(verb), rest))


def settle_verb(name: str, parameters: Sequence[Parameter], words: Sequence[str]) -> dict[str, Any]:
    """The keyword arguments of a verb, from the command line, the environment and the file that `--config` names."""
    from sampan.cli.settings import read_file, settle  # not before `--help` is out of the way

    given = sort_words(words, (*parameters, CONFIG))
    path = settle([CONFIG], given, os.environ)["config"]
    return settle(parameters, given, os.environ, read_file(path, name) if path else {}, path)
