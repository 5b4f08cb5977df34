"""Which shape a request to `/generate` has."""

from __future__ import annotations

import pytest

from sampan.errors import RequestError
from sampan.server.generate.shapes import Shape, field_names, shape_of


@pytest.mark.parametrize(
    ("names", "shape"),
    [
        ((), Shape.SIMPLE),
        (("prompt",), Shape.SIMPLE),
        (("prompt", "max_tokens", "stream"), Shape.SIMPLE),
        (("prompt", "max_tokens", "session_id"), Shape.LMDEPLOY),
        (("input_ids", "max_tokens"), Shape.LMDEPLOY),
        (("input_ids", "return_logprob", "stream"), Shape.LMDEPLOY),
        (("input_ids",), Shape.SGLANG),
        (("input_ids", "sampling_params", "return_logprob"), Shape.SGLANG),
        (("text",), Shape.SGLANG),
        (("text", "sampling_params"), Shape.SGLANG),
        (("sampling_params",), Shape.SGLANG),
        (("inputs",), Shape.TGI),
        (("inputs", "parameters"), Shape.TGI),
        (("parameters",), Shape.TGI),
    ],
)
def test_the_fields_tell(names, shape):
    assert shape_of(names) is shape


@pytest.mark.parametrize(
    ("names", "param", "message"),
    [
        (("prompt", "inputs"), "inputs", "prompt and inputs are both given (send one of them)"),
        (("text", "input_ids"), "input_ids", "text and input_ids are both given (send one of them)"),
        (("parameters", "sampling_params"), "sampling_params", "parameters and sampling_params are both given"),
        (("prompt", "parameters"), "parameters", "parameters does not go with prompt"),
        (("inputs", "sampling_params"), "sampling_params", "sampling_params does not go with inputs"),
        (("text", "parameters"), "parameters", "parameters does not go with text"),
    ],
)
def test_mixtures_are_refused(names, param, message):
    with pytest.raises(RequestError, match=r".") as refused:
        shape_of(names)
    assert refused.value.param == param
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (b'{"a": {"b": 1}, "c": [2]}', ["a", "c"]),
        (b"", []),
        (b"[1]", []),
        (b'{"a":', []),
        (b'{"a":' + b"[" * 100_000, []),
    ],
)
def test_field_names(body, names):
    assert field_names(body) == names
