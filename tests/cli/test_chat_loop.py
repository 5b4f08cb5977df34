"""The loop of `sampan chat`, driven by lists of messages and, for Ctrl-C, through a real pseudo-terminal."""

import os
import pty
import select
import signal
import sys
import time
from pathlib import Path

import pytest

from fake_chat_model import FakeModel, converse
from sampan.cli.chat_loop import COMMANDS, ChatLoop
from sampan.errors import UsageError


def talk(*messages, interactive=False, model=None, **options):
    """Runs the loop over some messages; an exception among them is raised by the reader. Returns the conversation."""
    waiting = iter([*messages, None])

    def read():
        message = next(waiting)
        if isinstance(message, type):
            raise message
        return message

    conversation = converse(model or FakeModel(), **options)
    ChatLoop(conversation, read, interactive=interactive).run()
    return conversation


def contents(conversation):
    return [message["content"] for message in conversation.messages()]


def test_a_script_gets_thoughts_and_answers_and_nothing_else(capsys):
    talk("hi", "", "there")
    assert capsys.readouterr().out == ("<think>\nabout hi\n</think>\n\nhi!\n<think>\nabout there\n</think>\n\nthere!\n")


def test_commands_change_the_conversation(tmp_path, capsys):
    conversation = talk("/system Be brief.", "/thinking off", "hi", f"/save {tmp_path / 'a.json'}", "/exit", "not said")
    assert contents(conversation) == ["Be brief.", "hi", "hi!"]
    assert conversation.thinking is False
    assert (tmp_path / "a.json").exists()
    assert contents(talk("/system x", "/system", "hi", "/retry", "/clear")) == []
    assert capsys.readouterr().out.count("hi!") == 3


def test_help_shows_every_command(capsys):
    talk("/help")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [*COMMANDS, '"""']


@pytest.mark.parametrize(
    ("message", "error", "remedy"),
    [
        ("/sytem x", "unknown command /sytem", "did you mean /system?"),
        ("/usr/bin", "unknown command /usr/bin", "see /help; to send text that begins with /, put a space before it"),
        ("/thinking maybe", "/thinking maybe: neither on nor off", "write /thinking on or /thinking off"),
        ("/save", "/save needs a file", "write /save FILE"),
        ("/retry", "there is no question to answer again", "ask one first"),
    ],
)
def test_a_mistake_ends_a_script_but_not_a_talk(capsys, message, error, remedy):
    with pytest.raises(UsageError) as caught:
        talk(message, "hi")
    assert (caught.value.message, caught.value.remedy) == (error, remedy)
    assert contents(talk(message, "hi", interactive=True)) == ["hi", "hi!"]
    assert capsys.readouterr().err == f"error: {error}\nremedy: {remedy}\n"


def test_notes_say_what_happened_to_answers(capsys):
    talk("a" * 30, "b" * 30, interactive=True, model=FakeModel(finish_reason="length"))
    out = capsys.readouterr().out
    assert out.count("(cut: ") == 2
    assert out.count("(the context is full: the oldest exchanges are forgotten)") == 1


def test_ctrl_c_at_the_prompt_warns_once_and_then_leaves(capsys):
    assert contents(talk(KeyboardInterrupt, "hi", KeyboardInterrupt, "there", interactive=True)) == [
        "hi",
        "hi!",
        "there",
        "there!",
    ]
    assert capsys.readouterr().out.count("(Ctrl-C again leaves") == 2
    with pytest.raises(KeyboardInterrupt):
        talk(KeyboardInterrupt, KeyboardInterrupt, "hi", interactive=True)
    with pytest.raises(KeyboardInterrupt):
        talk(KeyboardInterrupt, "hi")


PROGRAM = """
import sys
from fake_chat_model import FakeModel, converse
from sampan.cli.chat_loop import ChatLoop
from sampan.cli.line_reader import TerminalReader
conversation = converse(FakeModel(endless=True))
ChatLoop(conversation, TerminalReader(">>> ", None), interactive=True).run()
print("END", [message["content"].partition(" ")[0] for message in conversation.messages()])
"""


class Screen:
    """A program behind a pseudo-terminal."""

    def __init__(self, program: str) -> None:
        path = os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])
        environment = os.environ | {"PYTHONPATH": path, "TERM": "xterm"}
        self.process, self._terminal = pty.fork()
        if self.process == 0:
            os.execve(sys.executable, [sys.executable, "-c", program], environment)
        self._seen = ""

    def wait_for(self, text: str, seconds: float = 60.0) -> None:
        """Reads until `text` appears behind what was waited for before."""
        end = time.monotonic() + seconds
        while text not in self._seen:
            ready, _, _ = select.select([self._terminal], [], [], max(end - time.monotonic(), 0))
            assert ready, f"{text!r} did not appear in {self._seen!r}"
            self._seen += os.read(self._terminal, 4096).decode(errors="replace")
        self._seen = self._seen.partition(text)[2]

    def type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def close(self) -> None:
        """Ends the program, if it has not ended."""
        os.close(self._terminal)
        os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)


def test_ctrl_c_stops_an_answer_and_not_the_program():
    screen = Screen(PROGRAM)
    try:
        screen.wait_for(">>> ")
        screen.type("hi\n")
        screen.wait_for(" word word")
        screen.type("\x03")
        screen.wait_for("(stopped; /retry answers again)")
        screen.wait_for(">>> ")
        screen.type("/exit\n")
        screen.wait_for("END ['hi', 'hi']")
    finally:
        screen.close()
