"""What an answer must look like, from the several ways in which clients say it: OpenAI's `response_format`, vLLM's
`structured_outputs`, and the `guided_*` fields that it had before."""

from __future__ import annotations

from typing import Any

from sampan.engine.structured import StructuredOutputsParams
from sampan.errors import RequestError, UnsupportedError
from sampan.server.fields import ResponseFormat, SamplingFields, StructuredOutputsFields


def structured_outputs(request: SamplingFields) -> StructuredOutputsParams | None:
    """The request's constraint, if it has one.

    Raises:
        RequestError: there are two, or one is malformed; `param` names the field.
        UnsupportedError: an option that this version lacks.
    """
    ways: dict[str, dict[str, Any]] = {
        name: {name.removeprefix("guided_"): value}
        for name in ("guided_json", "guided_regex", "guided_choice", "guided_grammar")
        if (value := getattr(request, name)) is not None
    }
    if request.structured_outputs is not None:
        ways["structured_outputs"] = _from_structured_outputs(request.structured_outputs)
    if request.response_format is not None:
        ways["response_format"] = _from_response_format(request.response_format)
    ways = {field: values for field, values in ways.items() if values}
    if len(ways) > 1:
        raise RequestError(f"{' and '.join(ways)} differ", param=next(iter(ways)), remedy="send one of them")
    wanted: StructuredOutputsParams | None = None
    for field, values in ways.items():
        try:
            wanted = StructuredOutputsParams(**values)
        except RequestError as error:
            raise RequestError(error.message, param=field, remedy=error.remedy) from None
    return request.with_tools(wanted)


def _from_structured_outputs(fields: StructuredOutputsFields) -> dict[str, Any]:
    for name, value in (fields.model_extra or {}).items():
        if value:
            raise UnsupportedError(
                f"{name[:40]!r} in structured_outputs is not supported",
                param="structured_outputs",
                remedy="leave it out",
            )
    return fields.model_dump(by_alias=True, exclude_none=True, exclude=set(fields.model_extra or ()))


def _from_response_format(wanted: ResponseFormat) -> dict[str, Any]:
    if wanted.type == "text":
        return {}
    if wanted.type == "json_object":
        return {"json_object": True}
    if wanted.described is None:
        raise RequestError("json_schema is missing", param="response_format", remedy="send the schema there")
    return {"json": wanted.described.schema_, "strict": bool(wanted.described.strict)}
