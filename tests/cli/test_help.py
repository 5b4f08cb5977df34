"""Help texts say what there is, and fit a screen."""

import pytest

from sampan.cli.help import program_help, verb_help
from sampan.cli.main import main
from sampan.cli.parameters import read_parameters
from sampan.cli.table import VERBS

GENERATE = """Usage: sampan generate [MODEL] PROMPT [OPTIONS]

Answers one prompt: """


def test_program_help_lists_every_verb():
    lines = program_help().splitlines()
    for name, verb in VERBS.items():
        assert any(line.split(None, 1) == [name, verb.help] for line in lines)


@pytest.mark.parametrize("name", VERBS)
def test_verb_help_shows_every_parameter_in_lines_that_fit(name):
    verb = VERBS[name].load()
    text = verb_help(name, verb)
    shown = {word for line in text.splitlines() for word in line.split()[:1]}
    for parameter in read_parameters(verb):
        assert parameter.flag in shown or f"--no-{parameter.key}" in shown
        assert parameter.help
    assert max(map(len, text.splitlines())) <= 100


def test_the_usage_of_generate():
    assert verb_help("generate", VERBS["generate"].load()).startswith(GENERATE)


def test_every_way_to_ask_for_help(capsys):
    for words in ([], ["--help"], ["-h"], ["help"]):
        assert main(words) == 0
        assert capsys.readouterr().out == program_help()
    for words in (["list", "--help"], ["list", "-h"], ["help", "list"], ["list", "--json", "--help"]):
        assert main(words) == 0
        assert capsys.readouterr().out == verb_help("list", VERBS["list"].load())
    assert main(["generate", "--max-tokens", "0", "--", "--help"]) == 2  # a prompt
