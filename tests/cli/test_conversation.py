"""What a model is asked, and what is remembered."""

import json

import pytest

from fake_chat_model import FakeModel, converse
from sampan.engine import SamplingParams
from sampan.errors import EngineError, UsageError


def say(conversation, text):
    answer = conversation.ask(text)
    answer.complete()
    conversation.keep(answer)
    return answer


def user(text):
    return {"role": "user", "content": text}


def assistant(text, thought):
    return {"role": "assistant", "content": text, "reasoning_content": thought}


def test_each_question_comes_with_all_that_was_said():
    model = FakeModel()
    conversation = converse(model, system="Be brief.")
    first = say(conversation, "one")
    assert (first.reasoning, first.content, first.finish_reason) == ("about one", "one!", "stop")
    say(conversation, "two")
    system = {"role": "system", "content": "Be brief."}
    assert model.asked[1][0] == [system, user("one"), assistant("one!", "about one"), user("two")]


def test_thinking_is_passed_on():
    model = FakeModel()
    conversation = converse(model, thinking=False)
    assert say(conversation, "one").reasoning == ""
    conversation.thinking = True
    say(conversation, "two")
    assert [thinking for _, _, thinking in model.asked] == [False, True]


def test_an_answer_left_early_ends_its_request_and_is_kept_as_far_as_it_came():
    model = FakeModel(endless=True)
    conversation = converse(model)
    answer = conversation.ask("one")
    deltas = iter(answer)
    while answer.content != "one word":
        next(deltas)
    answer.close()
    assert (model.num_open, answer.finish_reason) == (0, None)
    conversation.keep(answer)
    assert conversation.messages() == [user("one"), assistant("one word", "about one")]


def test_a_thought_without_an_answer_is_not_kept_but_can_be_retried():
    model = FakeModel()
    conversation = converse(model)
    answer = conversation.ask("one")
    next(iter(answer))
    answer.close()
    conversation.keep(answer)
    assert conversation.messages() == []
    conversation.retry().close()
    assert model.asked[1:] == []  # nothing is asked before the answer is iterated
    conversation.retry().complete()
    assert model.asked[1][0] == [user("one")]


def test_a_retry_replaces_the_answer_and_draws_with_another_seed():
    model = FakeModel()
    conversation = converse(model, SamplingParams(seed=7))
    say(conversation, "one")
    say(conversation, "one")
    conversation.keep(retried := conversation.retry())
    assert conversation.messages() == [user("one"), assistant("one!", "about one")]
    retried.complete()
    conversation.keep(retried)
    assert conversation.messages() == [user("one"), assistant("one!", "about one")] * 2
    assert [params.seed for _, params, _ in model.asked] == [7, 7, 8]


def test_nothing_to_retry():
    conversation = converse(FakeModel())
    with pytest.raises(UsageError, match="no question"):
        conversation.retry()
    say(conversation, "one")
    conversation.clear()
    assert conversation.messages() == []
    with pytest.raises(UsageError, match="no question"):
        conversation.retry()


def test_the_oldest_exchanges_are_forgotten_where_no_room_is_left_for_an_answer():
    model = FakeModel()
    conversation = converse(model, max_model_len=100)  # 75 for the prompt
    for letter in "abc":
        say(conversation, letter * 10)  # 21 characters an exchange
    assert conversation.num_forgotten == 0
    say(conversation, "d" * 13)
    assert [message["content"][0] for message in model.asked[-1][0]] == ["b", "b", "c", "c", "d"]
    assert conversation.num_forgotten == 1
    say(conversation, "e" * 80)
    assert [message["content"][0] for message in model.asked[-1][0]] == ["e"]


def test_room_is_kept_for_max_tokens():
    model = FakeModel()
    conversation = converse(model, SamplingParams(max_tokens=90), max_model_len=100)
    say(conversation, "a")
    say(conversation, "b" * 9)
    assert len(model.asked[-1][0]) == 1


def test_broken_weights_are_an_error():
    with pytest.raises(EngineError, match="NaN or Inf"):
        converse(FakeModel(finish_reason="error")).ask("one").complete()


def test_saves_what_was_said_and_never_over_another_file(tmp_path):
    conversation = converse(FakeModel())
    say(conversation, "舢板")
    conversation.save(tmp_path / "talk.json")
    text = (tmp_path / "talk.json").read_text(encoding="utf-8")
    assert "舢板" in text
    assert json.loads(text) == [user("舢板"), assistant("舢板!", "about 舢板")]
    for path in (tmp_path / "talk.json", tmp_path / "none" / "talk.json"):
        with pytest.raises(UsageError) as caught:
            conversation.save(path)
        assert caught.value.message.startswith(f"{path}: ")
