"""`AutoModelForCausalLM`, call by call as users of PaddleNLP and transformers make them."""

from __future__ import annotations

from threading import Thread
from typing import Any

import numpy as np
import paddle
import pytest

from sampan import AutoModelForCausalLM, AutoTokenizer, GenerationConfig, SamplingParams, TextIteratorStreamer
from sampan.errors import ConfigError, RequestError, UnsupportedError, UsageError

ROUTER = [{"role": "user", "content": "如何重置路由器密码?"}]
SORT = [{"role": "user", "content": "用Python实现快速排序"}]
SUM = [{"role": "user", "content": "17+25=?"}]
GREEDY = GenerationConfig(do_sample=False, max_new_tokens=24)


def prompt(tokenizer: AutoTokenizer, messages: Any, kind: str = "np") -> Any:
    return tokenizer.apply_chat_template(messages, return_tensors=kind, padding=True)


def test_the_calls_of_the_tutorial(model: AutoModelForCausalLM, tokenizer: AutoTokenizer) -> None:
    text = "<｜User｜>如何重置路由器密码?<｜Assistant｜><think>\n"
    inputs = tokenizer(text, return_tensors="pd")
    outputs = model.generate(**inputs, max_length=50, do_sample=False)
    assert isinstance(outputs, paddle.Tensor)
    assert outputs.shape == [1, 50]
    assert tokenizer.decode(outputs[0], skip_special_tokens=True).startswith(
        text + "用户想重置路由器密码。\n这是网络问题，我按顺序写出6个步骤。\n</think>"
    )


def test_a_batch_gives_what_each_prompt_gives_alone(model: AutoModelForCausalLM, tokenizer: AutoTokenizer) -> None:
    chats = [ROUTER, SORT, SUM]
    together = prompt(tokenizer, chats)
    width = together.input_ids.shape[1]
    for change in ({"do_sample": False}, {"temperature": 1.5, "seed": 7}, {"do_sample": False, "max_length": 40}):
        outputs = model.generate(**together, **{"max_new_tokens": None, "max_length": 60, **change})
        assert np.array_equal(outputs[:, :width], together.input_ids)
        for row, chat in zip(outputs, chats, strict=True):
            single = prompt(tokenizer, [chat])
            alone = model.generate(single, **{"max_length": 60, **change})[0]
            answer = alone[single.input_ids.shape[1] :]
            assert row[width : width + len(answer)].tolist() == answer.tolist()
            assert set(row[width + len(answer) :].tolist()) <= {tokenizer.pad_token_id}


def test_it_is_the_engine_that_answers(model: AutoModelForCausalLM, tokenizer: AutoTokenizer) -> None:
    inputs = prompt(tokenizer, [SUM])
    [expected] = model.llm.generate(
        prompt_token_ids=inputs.input_ids.tolist(), sampling_params=SamplingParams(temperature=0, max_tokens=200)
    )
    outputs = model.generate(**inputs, do_sample=False, max_new_tokens=200)
    assert outputs[0, inputs.input_ids.shape[1] :].tolist() == list(expected.outputs[0].token_ids)
    assert outputs[0, -1] == tokenizer.eos_token_id
    assert "42" in tokenizer.decode(outputs[0])


def test_padding_is_known_without_a_mask_and_on_either_side(
    model: AutoModelForCausalLM, tokenizer: AutoTokenizer
) -> None:
    inputs = prompt(tokenizer, [ROUTER, SUM])
    left = model.generate(**inputs, generation_config=GREEDY)
    assert np.array_equal(model.generate(inputs.input_ids, GREEDY), left)
    right = AutoTokenizer.from_pretrained(padding_side="right").apply_chat_template(
        [ROUTER, SUM], return_tensors="np", padding=True
    )
    assert not np.array_equal(right.input_ids, inputs.input_ids)
    new_ids = model.generate(**right, generation_config=GREEDY)[:, right.input_ids.shape[1] :]
    assert np.array_equal(new_ids, left[:, inputs.input_ids.shape[1] :])


def test_inputs_of_any_kind(model: AutoModelForCausalLM, tokenizer: AutoTokenizer) -> None:
    array = prompt(tokenizer, [SUM]).input_ids
    expected = model.generate(array, GREEDY)
    assert expected.dtype == np.int64
    assert np.array_equal(model.generate(array.tolist(), GREEDY), expected)
    assert np.array_equal(model.generate(array[0], GREEDY), expected)
    assert np.array_equal(model.generate(paddle.to_tensor(array), GREEDY).numpy(), expected)
    assert np.array_equal(model.eval().generate(prompt(tokenizer, [SUM], "pd").to(model.device), GREEDY), expected)


def test_paddlenlp_s_pair(model: AutoModelForCausalLM, tokenizer: AutoTokenizer) -> None:
    inputs = prompt(tokenizer, [ROUTER, SUM], "pd")
    whole = model.generate(**inputs, generation_config=GREEDY)
    ids, scores = model.generate(**inputs, decode_strategy="greedy_search", max_new_tokens=24, trunc_input=True)
    assert np.array_equal(ids.numpy(), whole.numpy()[:, inputs.input_ids.shape[1] :])
    assert scores.shape == [2, 1]
    [expected] = model.llm.generate(
        prompt_token_ids=[prompt(tokenizer, [SUM]).input_ids[0].tolist()],
        sampling_params=SamplingParams(temperature=0, max_tokens=24, logprobs=0),
    )
    logprobs = [entry.logprobs[0] for entry in expected.outputs[0].logprobs]
    assert scores.numpy()[1, 0] == np.float32(np.mean(logprobs))
    assert tokenizer.batch_decode(ids)[1].startswith(expected.outputs[0].text)


def test_several_answers_to_a_prompt(model: AutoModelForCausalLM, tokenizer: AutoTokenizer) -> None:
    inputs = prompt(tokenizer, [SUM, ROUTER])
    options: dict[str, Any] = {"do_sample": True, "temperature": 2.0, "max_new_tokens": 12}
    outputs = model.generate(**inputs, **options, num_return_sequences=2, seed=5)
    assert outputs.shape[0] == 4
    assert np.array_equal(outputs[:, : inputs.input_ids.shape[1]], inputs.input_ids.repeat(2, 0))
    for index in (0, 1):
        again = model.generate(**inputs, **options, seed=5 + index)
        width = min(again.shape[1], outputs.shape[1])
        assert np.array_equal(outputs[index::2, :width], again[:, :width])
    assert not np.array_equal(outputs[0], outputs[1])


def test_a_stream_joined_is_the_text(model: AutoModelForCausalLM, tokenizer: AutoTokenizer) -> None:
    inputs = prompt(tokenizer, [ROUTER], "pd")
    streamer = TextIteratorStreamer(tokenizer, skip_prompt=True, timeout=60)
    results: list[Any] = []
    thread = Thread(target=lambda: results.append(model.generate(**inputs, do_sample=False, streamer=streamer)))
    thread.start()
    texts = list(streamer)
    thread.join()
    new_ids = results[0].numpy()[0, inputs.input_ids.shape[1] :]
    assert "".join(texts) == tokenizer.decode(new_ids)
    assert len(texts) > 20


def test_a_streamer_is_handed_the_prompt_and_every_token(model: AutoModelForCausalLM, tokenizer: AutoTokenizer) -> None:
    class Recorder:
        def __init__(self) -> None:
            self.values: list[Any] = []

        def put(self, value: Any) -> None:
            self.values.append(value.tolist())

        def end(self) -> None:
            self.values.append("end")

    recorder = Recorder()
    inputs = prompt(tokenizer, [SUM])
    outputs = model.generate(**inputs, generation_config=GREEDY, streamer=recorder)
    first, *steps, last = recorder.values
    assert (first, last) == (inputs.input_ids.tolist(), "end")
    assert [token_id for step in steps for token_id in step] == outputs[0, inputs.input_ids.shape[1] :].tolist()


@pytest.mark.parametrize(
    "change", [{"max_new_tokens": 10**6}, {"max_length": 1}, {"num_return_sequences": 2}, {"max_tokens": 1}]
)
def test_a_streamer_is_told_of_the_end_where_there_is_no_answer(
    model: AutoModelForCausalLM, tokenizer: AutoTokenizer, change: dict[str, int]
) -> None:
    streamer = TextIteratorStreamer(tokenizer, skip_prompt=True, timeout=60)
    with pytest.raises(UsageError):
        model.generate(**prompt(tokenizer, [SUM]), **change, streamer=streamer)
    assert list(streamer) == []


def test_where_an_answer_ends(model: AutoModelForCausalLM, tokenizer: AutoTokenizer) -> None:
    inputs = prompt(tokenizer, [ROUTER])
    width = inputs.input_ids.shape[1]

    def answer(**changes: Any) -> list[int]:
        ids: list[int] = model.generate(**inputs, do_sample=False, **changes)[0, width:].tolist()
        return ids

    whole = answer()
    assert whole[-1] == tokenizer.eos_token_id
    assert answer(max_length=width + 3) == answer(max_new_tokens=3) == answer(max_new_tokens=3, max_length=1)
    assert answer(eos_token_id=whole[4])[-1] == whole[4]
    assert answer(eos_token_id=[tokenizer.eos_token_id, whole[4]]) == whole[: whole.index(whole[4]) + 1]
    assert answer(eos_token_id=whole[4]) == whole[: whole.index(whole[4]) + 1]
    stopped = answer(stop_strings="2.")
    assert stopped == whole[: len(stopped)]
    assert tokenizer.decode(stopped).endswith("2.")
    assert len(answer(min_new_tokens=len(whole) + 2, max_new_tokens=len(whole) + 2)) == len(whole) + 2
    # It may be longer than the context, which is a bound as well.
    assert answer(max_length=10**6) == whole


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"max_length": 3}, RequestError, "max_new_tokens"),
        ({"num_beams": 4}, RequestError, "beam"),
        ({"decode_strategy": "beam_search"}, RequestError, "greedy_search or sampling"),
        ({"decode_strategy": "sampling", "do_sample": False}, RequestError, "contradict"),
        ({"num_return_sequences": 0}, RequestError, "at least 1"),
        ({"use_cache": False}, RequestError, "always kept"),
        ({"temperature": -1.0}, RequestError, "temperature"),
        ({"attention_mask": [[1]]}, RequestError, "shape of input_ids"),
        ({"max_tokens": 5}, ConfigError, "did you mean max_new_tokens"),
        ({"stopping_criteria": []}, ConfigError, "stop_strings"),
    ],
)
def test_what_cannot_be_served_is_refused(
    model: AutoModelForCausalLM, tokenizer: AutoTokenizer, change: dict[str, Any], error: type, message: str
) -> None:
    with pytest.raises(error) as caught:
        model.generate(prompt(tokenizer, [SUM]).input_ids, **change)
    assert message in str(caught.value)


def test_inputs_that_are_no_matrix_are_refused(model: AutoModelForCausalLM) -> None:
    with pytest.raises(RequestError, match="different lengths"):
        model.generate([[5, 6], [7]])
    with pytest.raises(RequestError, match="no token id"):
        model.generate("a text")
    with pytest.raises(RequestError, match="empty"):
        model.generate([[]])
    with pytest.raises(UnsupportedError, match="logits"):
        model([[5]])


@pytest.mark.parametrize("dtype", ["float16", np.float16, paddle.float16, "fp16"])
def test_a_dtype_is_a_precision(dtype: Any) -> None:
    model = AutoModelForCausalLM.from_pretrained("sampan-tiny", dtype=dtype, low_cpu_mem_usage=True)
    wide = AutoModelForCausalLM.from_pretrained("sampan-tiny", torch_dtype="float32")
    weight_bytes = [each.llm.loaded.engine._backend.weight_bytes for each in (model, wide)]
    assert weight_bytes[0] < 0.6 * weight_bytes[1]
    assert model.config.num_hidden_layers == wide.config.num_hidden_layers


def test_unknown_keywords_are_refused() -> None:
    with pytest.raises(ConfigError, match="dtype='int4'"):
        AutoModelForCausalLM.from_pretrained(load_in_4bit=True)
    with pytest.raises(ConfigError, match="did you mean threads"):
        AutoModelForCausalLM.from_pretrained(thread=1)
    with pytest.raises(ConfigError, match="contradict"):
        AutoModelForCausalLM.from_pretrained(dtype="int8", precision="int4")
    with pytest.raises(ConfigError, match="int7"):
        AutoModelForCausalLM.from_pretrained(dtype="int7")
