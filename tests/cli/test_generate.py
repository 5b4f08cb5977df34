"""`sampan generate` through the whole real engine, with a model that babbles."""

import json

import pytest

from sampan.cli.generate import as_json
from sampan.cli.main import main
from sampan.engine import CompletionOutput, RequestOutput


@pytest.fixture
def generate(model_folder, capsys, monkeypatch):
    """Runs `generate` in this process; gives the exit code, stdout and stderr."""
    for name in ("SAMPAN_MODEL", "SAMPAN_CONFIG", "SAMPAN_JSON"):
        monkeypatch.delenv(name, raising=False)

    def generate(*words):
        code = main(["generate", str(model_folder), *words])
        return code, *capsys.readouterr()

    return generate


def test_json_has_exactly_the_promised_shape(generate):
    code, out, err = generate("hi", "--max-tokens", "8", "--seed", "1", "--json")
    answer = json.loads(out)
    assert (code, err) == (0, "")
    assert list(answer) == ["reasoning_content", "content", "finish_reason", "usage"]
    assert answer["usage"] == {
        "prompt_tokens": 7,  # <bos> <user> h i <assistant> <think> and a newline
        "completion_tokens": 8,
        "total_tokens": 15,
        "completion_tokens_details": {"reasoning_tokens": 8},
        "prompt_tokens_details": {"cached_tokens": 0},
    }
    assert (answer["content"], answer["finish_reason"]) == (None, "length")


def test_the_same_seed_gives_the_same_answer(generate):
    first, second, other = (
        generate("hi", "--max-tokens", "16", "--temperature", "2", "--seed", seed) for seed in ("1", "1", "2")
    )
    assert first == second
    assert first[1] != other[1]


def test_text_shows_thought_and_answer_apart(generate):
    code, out, err = generate("hi", "--max-tokens", "4", "--seed", "1")
    assert (code, err) == (0, "")
    assert out.startswith("<think>\n")
    assert out.endswith("\n</think>\n")
    code, out, _ = generate("hi", "--max-tokens", "4", "--seed", "1", "--no-thinking")
    assert code == 0
    assert not out.startswith("<think>")


def test_the_prompt_may_come_from_standard_input_and_the_model_from_the_environment(sampan, model_folder):
    done = sampan("generate", "-", "--json", stdin="hi", SAMPAN_MODEL=str(model_folder), SAMPAN_MAX_TOKENS="4")
    assert (done.returncode, done.stderr) == (0, "")
    usage = json.loads(done.stdout)["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (7, 4)


def test_a_prompt_that_is_too_long_is_refused(generate):
    code, out, err = generate("x" * 600)
    assert (code, out) == (2, "")
    assert "exceed the context of 512 tokens" in err
    assert "\nremedy: " in err


def test_usage_counts_every_part():
    completion = CompletionOutput(
        0, "", (1, 2, 3, 4), "stop", reasoning_content="t", content="a", num_reasoning_tokens=3
    )
    output = as_json(RequestOutput("r", None, (5, 6), (completion,), num_cached_tokens=1))
    assert output == {
        "reasoning_content": "t",
        "content": "a",
        "finish_reason": "stop",
        "usage": {
            "prompt_tokens": 2,
            "completion_tokens": 4,
            "total_tokens": 6,
            "completion_tokens_details": {"reasoning_tokens": 3},
            "prompt_tokens_details": {"cached_tokens": 1},
        },
    }
