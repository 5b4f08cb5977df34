"""The loop of `sampan chat`: read a message, obey it if it is a command, else print the answer."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from sampan.cli.answer import print_answer
from sampan.cli.conversation import Answer, Conversation
from sampan.cli.interrupts import StopOnInterrupt, on_interrupt
from sampan.cli.line_reader import QUOTES
from sampan.cli.near import did_you_mean
from sampan.cli.report import report
from sampan.cli.terminal import Style
from sampan.errors import EngineError, SampanError, UsageError

HINT = "/help lists commands; Ctrl-C stops an answer; Ctrl-D leaves"


class Command(NamedTuple):
    """A word that begins with a slash."""

    usage: str
    help: str
    run: Callable[[ChatLoop, str], None]


class ChatLoop:
    """Talks until the user leaves.

    Args:
        read: gives the next message, None at the end; may raise KeyboardInterrupt.
        interactive: a person is there: mistakes are reported and the talk goes on. Otherwise the first one ends it.
    """

    def __init__(self, conversation: Conversation, read: Callable[[], str | None], *, interactive: bool) -> None:
        self.conversation = conversation
        self._read = read
        self._interactive = interactive
        self._left = False
        self._style = Style.of(sys.stdout)

    def run(self) -> None:
        """Returns when the user leaves.

        Raises:
            KeyboardInterrupt: Ctrl-C twice.
            SampanError: the engine is gone; or any mistake, where nobody is there to read about it and go on.
        """
        while not self._left and (message := self._read_message()) is not None:
            try:
                self._take(message)
            except SampanError as error:
                if not self._interactive or isinstance(error, EngineError):
                    raise
                report(error)

    def _read_message(self) -> str | None:
        try:
            return self._read()
        except KeyboardInterrupt:
            if not self._interactive:
                raise
            self._note("\n(Ctrl-C again leaves, and so do Ctrl-D and /exit)")
        return self._read()

    def _take(self, message: str) -> None:
        if not message.startswith("/"):
            if message.strip():
                self._answer(lambda: self.conversation.ask(message))
            return
        name, _, rest = message.partition(" ")
        if name not in COMMANDS:
            remedy = did_you_mean(name, COMMANDS, "see /help; to send text that begins with /, put a space before it")
            raise UsageError(f"unknown command {name}", remedy=remedy)
        COMMANDS[name].run(self, rest.strip())

    def _answer(self, begin: Callable[[], Answer]) -> None:
        """Prints an answer until it ends or Ctrl-C stops it."""
        num_forgotten = self.conversation.num_forgotten
        interrupt = StopOnInterrupt()
        with on_interrupt(interrupt):
            answer = begin()
            if self.conversation.num_forgotten > num_forgotten:
                self._note("(the context is full: the oldest exchanges are forgotten)")
            print_answer(answer, lambda: interrupt.stopped)
        self.conversation.keep(answer)
        if interrupt.stopped and not self._interactive:
            raise KeyboardInterrupt
        if interrupt.stopped:
            self._note("(stopped; /retry answers again)")
        elif answer.finish_reason == "length":
            self._note("(cut: no more tokens are allowed, or the context is full)")
        if self._interactive:
            print()

    def _note(self, text: str) -> None:
        """Something that is no part of the conversation."""
        if self._interactive:
            print(self._style.dim(text))

    def _help(self, rest: str) -> None:
        for command in COMMANDS.values():
            print(f"{command.usage:<19}{command.help}")
        print(f"{QUOTES:<19}begins and ends a message of several lines")

    def _clear(self, rest: str) -> None:
        self.conversation.clear()
        self._note("(forgotten)")

    def _system(self, rest: str) -> None:
        self.conversation.system = rest or None
        self._note("(from the next message on)" if rest else "(no system message from now on)")

    def _thinking(self, rest: str) -> None:
        if rest not in ("on", "off"):
            raise UsageError(f"/thinking {rest}: neither on nor off", remedy="write /thinking on or /thinking off")
        self.conversation.thinking = rest == "on"
        self._note(f"(thinking is {rest})")

    def _save(self, rest: str) -> None:
        if not rest:
            raise UsageError("/save needs a file", remedy="write /save FILE")
        self.conversation.save(Path(rest).expanduser())
        self._note(f"(saved to {rest})")

    def _retry(self, rest: str) -> None:
        self._answer(self.conversation.retry)

    def _exit(self, rest: str) -> None:
        self._left = True


COMMANDS = {
    command.usage.partition(" ")[0]: command
    for command in (
        Command("/help", "show this", ChatLoop._help),
        Command("/retry", "answer the last question again", ChatLoop._retry),
        Command("/clear", "forget what was said", ChatLoop._clear),
        Command("/system [TEXT]", "set the system message, or remove it", ChatLoop._system),
        Command("/thinking on|off", "think before answering, or do not", ChatLoop._thinking),
        Command("/save FILE", "write the conversation to a new JSON file", ChatLoop._save),
        Command("/exit", "leave", ChatLoop._exit),
    )
}
