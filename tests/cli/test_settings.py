"""Flag before environment before file before default."""

from typing import Annotated, NamedTuple

import pytest

from sampan.cli import settings
from sampan.cli.parameters import Argument, Option, read_parameters
from sampan.cli.settings import read_file, settle
from sampan.cli.table import Verb
from sampan.errors import ConfigError, UsageError


class Sampling(NamedTuple):
    """How tokens are drawn."""

    top_p: Annotated[float | None, Option("nucleus")] = None
    stop: Annotated[tuple[str, ...], Option("end here")] = ()


def answer(
    *,
    prompt: Annotated[str, Argument("what")],
    sampling: Sampling,
    max_tokens: Annotated[int, Option("most tokens")] = 7,
    precision: Annotated[str, Option("weights", choices=("int8", "int4"))] = "int8",
    json: Annotated[bool, Option("for scripts")] = False,
) -> int:
    """Answer."""
    return 0


def listen(
    *, port: Annotated[int, Option("port")] = 8000, max_tokens: Annotated[int, Option("most tokens")] = 9
) -> int:
    """Listen."""
    return 0


PARAMETERS = read_parameters(answer)
PROMPT = {"prompt": ("hi",)}


def test_defaults_fill_what_nobody_gave():
    assert settle(PARAMETERS, PROMPT, {}, {}) == {
        "prompt": "hi",
        "sampling": Sampling(),
        "max_tokens": 7,
        "precision": "int8",
        "json": False,
    }


def test_the_command_line_wins_then_the_environment_then_the_file():
    environment, file = {"SAMPAN_MAX_TOKENS": "2"}, {"max-tokens": 3}
    assert settle(PARAMETERS, {**PROMPT, "max_tokens": ("1",)}, environment, file)["max_tokens"] == 1
    assert settle(PARAMETERS, PROMPT, environment, file)["max_tokens"] == 2
    assert settle(PARAMETERS, PROMPT, {}, file)["max_tokens"] == 3
    assert settle(PARAMETERS, PROMPT, {"SAMPAN_MAX_TOKENS": ""}, file)["max_tokens"] == 3


def test_every_kind_of_value_from_every_place():
    texts = {"top_p": ("0.5",), "stop": ("a", "b"), "json": ("true",), "precision": ("int4",)}
    variables = {"SAMPAN_TOP_P": ".5", "SAMPAN_STOP": "a", "SAMPAN_JSON": "Yes", "SAMPAN_PRECISION": "int4"}
    keys = {"top-p": 1, "stop": ["a", "b"], "json": True, "precision": "int4"}
    for given, environment, file, expected in (
        (texts, {}, {}, Sampling(0.5, ("a", "b"))),
        ({}, variables, {}, Sampling(0.5, ("a",))),
        ({}, {}, keys, Sampling(1.0, ("a", "b"))),
        ({}, {}, {**keys, "stop": "a"}, Sampling(1.0, ("a",))),
    ):
        values = settle(PARAMETERS, PROMPT | given, environment, file)
        assert (values["sampling"], values["json"], values["precision"]) == (expected, True, "int4")


@pytest.mark.parametrize(
    ("given", "environment", "file", "message"),
    [
        ({"max_tokens": ("x",)}, {}, {}, "--max-tokens: 'x' is not a whole number"),
        ({}, {"SAMPAN_TOP_P": "high"}, {}, "SAMPAN_TOP_P: 'high' is not a number"),
        ({}, {"SAMPAN_JSON": "maybe"}, {}, "SAMPAN_JSON: 'maybe' is not true or false"),
        ({}, {}, {"max-tokens": True}, "c.toml: max-tokens: True is not a whole number"),
        ({}, {}, {"max-tokens": 1.5}, "c.toml: max-tokens: 1.5 is not a whole number"),
        ({}, {}, {"stop": ["a", 1]}, "c.toml: stop: 1 is not UTF-8 text"),
        ({"precision": ("int5",)}, {}, {}, "--precision: unknown choice 'int5'"),
    ],
)
def test_a_misfit_names_the_place_it_came_from(given, environment, file, message):
    with pytest.raises(UsageError) as caught:
        settle(PARAMETERS, PROMPT | given, environment, file, "c.toml")
    assert caught.value.message == message
    assert caught.value.remedy


def test_a_required_value_is_missed():
    with pytest.raises(UsageError, match="PROMPT is missing"):
        settle(PARAMETERS, {}, {}, {})


@pytest.fixture
def verbs(monkeypatch):
    """Two verbs of this file in place of the real table."""
    monkeypatch.setattr(Verb, "load", lambda self: {"answer": answer, "listen": listen}[self.function])
    table = {name: Verb("", name, "") for name in ("answer", "listen")}
    monkeypatch.setattr(settings, "VERBS", table)


@pytest.mark.usefixtures("verbs")
class TestFile:
    """The TOML file."""

    def read(self, tmp_path, text, verb="answer"):
        path = tmp_path / "c.toml"
        path.write_text(text, encoding="utf-8")
        return read_file(str(path), verb)

    def test_a_verb_sees_its_own_keys_and_its_table_wins(self, tmp_path):
        text = "port = 1\nmax_tokens = 2\n[answer]\nmax-tokens = 3\n[listen]\nport = 4\n"
        assert self.read(tmp_path, text) == {"max-tokens": 3}
        assert self.read(tmp_path, text, "listen") == {"port": 4, "max-tokens": 2}

    @pytest.mark.parametrize(
        ("text", "message", "remedy"),
        [
            ("maxtokens = 1", "unknown key maxtokens", "did you mean max-tokens?"),
            ("[answer]\nport = 1", "unknown key port in [answer]", "did you mean prompt?"),
            ("[anser]\nport = 1", "unknown table [anser]", "did you mean answer?"),
            ("port =", "is not TOML: ", "write lines like: max-tokens = 256"),
        ],
    )
    def test_a_mistake_is_named(self, tmp_path, text, message, remedy):
        with pytest.raises(ConfigError) as caught:
            self.read(tmp_path, text)
        assert message in caught.value.message
        assert caught.value.remedy == remedy

    def test_an_absent_file_is_named(self, tmp_path):
        with pytest.raises(ConfigError, match="No such file"):
            read_file(str(tmp_path / "none.toml"), "answer")
