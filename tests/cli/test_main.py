"""Words in, exit code out: through `main` in this process and, for what only a process shows, the real command."""

import os
import subprocess
import sys

import pytest

from sampan import __version__
from sampan.cli.main import main
from sampan.cli.table import VERBS, Verb
from sampan.errors import CheckpointError, EngineError

HEAVY = ("paddle", "numpy", "fastapi", "transformers", "rich", "pydantic", "tokenizers")


def fail(error):
    def verb() -> int:
        raise error

    return verb


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs `main` with one verb, `act`, that raises `error`; gives the exit code and what was printed."""

    def run(error, *, debug=False):
        monkeypatch.setitem(VERBS, "act", Verb("", "", ""))
        monkeypatch.setattr(Verb, "load", lambda self: fail(error))
        monkeypatch.setenv("SAMPAN_DEBUG", "1" if debug else "")
        return main(["act"]), *capsys.readouterr()

    return run


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (
            CheckpointError("a.bin is short", remedy="fetch it again"),
            2,
            "error: a.bin is short\nremedy: fetch it again\n",
        ),
        (EngineError("it is gone"), 1, "error: it is gone\n"),
        (CheckpointError("two\nlines\x1b[2J"), 2, "error: two lines␛[2J\n"),
        (
            FileNotFoundError(2, "No such file or directory", "x.toml"),
            1,
            "error: x.toml: No such file or directory\nremedy: sampan doctor checks disk, memory and permissions\n",
        ),
        (
            MemoryError(),
            1,
            "error: the machine's memory is full\nremedy: use a smaller model, or a --precision of fewer bits\n",
        ),
        (
            ZeroDivisionError("1/0"),
            1,
            "error: unexpected ZeroDivisionError: 1/0\nremedy: please report what it prints with SAMPAN_DEBUG=1\n",
        ),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_whatever_happens_ends_in_an_exit_code(run, error, code, message):
    assert run(error) == (code, "", message)


def test_a_traceback_only_on_request(run):
    code, _, text = run(EngineError("it is gone"), debug=True)
    assert code == 1
    assert text.startswith("Traceback")
    assert text.endswith("error: it is gone\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["generat"], "error: unknown verb generat\nremedy: did you mean generate?\n"),
        (["frobnicate"], "error: unknown verb frobnicate\nremedy: sampan --help lists the verbs\n"),
        (["--verbose"], "error: unknown option --verbose\nremedy: sampan --help lists the verbs\n"),
        (["generate"], "error: PROMPT is missing\nremedy: see --help for what this verb takes\n"),
        (["list", "--jsn"], "error: unknown option --jsn\nremedy: did you mean --json?\n"),
        (["doctor", "--port", "x"], "error: --port: 'x' is not a whole number\nremedy: it means: the port for serve\n"),
    ],
)
def test_wrong_use_exits_with_2(capsys, words, message):
    assert main(words) == 2
    assert capsys.readouterr() == ("", message)


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"sampan {__version__}\n"


def test_a_value_comes_from_the_line_before_the_environment_before_the_file(tmp_path, monkeypatch, capsys):
    path = tmp_path / "c.toml"
    path.write_text("max-tokens = -3\n", encoding="utf-8")
    monkeypatch.setenv("SAMPAN_CONFIG", str(path))
    assert main(["generate", "hi"]) == 2
    assert capsys.readouterr().err.startswith("error: max_tokens=-3 is out of range\n")
    monkeypatch.setenv("SAMPAN_MAX_TOKENS", "-2")
    assert main(["generate", "hi"]) == 2
    assert capsys.readouterr().err.startswith("error: max_tokens=-2 is out of range\n")
    assert main(["generate", "hi", "--max-tokens", "-1"]) == 2
    assert capsys.readouterr().err.startswith("error: max_tokens=-1 is out of range\n")


@pytest.mark.parametrize("words", [["--help"], ["--version"], *([verb, "--help"] for verb in VERBS)])
def test_help_imports_nothing_heavy(words):
    code = (
        "import sys; from sampan.cli import main; main(sys.argv[1:]); "
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


def test_a_reader_that_leaves_is_no_error():
    # A pipe without a reader: the first write fails, whatever its size.
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "sampan", "--help"], stdout=writing, stderr=subprocess.PIPE, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")
