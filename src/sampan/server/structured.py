"""What an answer must look like, from the several ways in which clients say it.

OpenAI's `response_format`; vLLM's `structured_outputs`, and the `guided_*` fields that it had before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from sampan.engine.structured import StructuredOutputsParams
from sampan.errors import RequestError
from sampan.server.protocol import SamplingFields

GUIDED_FIELDS = ("guided_json", "guided_regex", "guided_choice", "guided_grammar")
# Of `structured_outputs`, what cannot be asked for; other values of them are refused.
FIXED_OPTIONS = ("disable_fallback", "disable_any_whitespace", "disable_additional_properties", "whitespace_pattern")


def structured_outputs(request: SamplingFields) -> StructuredOutputsParams | None:
    """The request's constraint, if it has one.

    Raises:
        RequestError: there are two, or one is malformed; `param` names the field.
    """
    ways = {name: value for name in GUIDED_FIELDS if (value := getattr(request, name)) is not None}
    if request.structured_outputs:
        ways["structured_outputs"] = request.structured_outputs
    if request.response_format is not None and request.response_format.get("type") != "text":
        ways["response_format"] = request.response_format
    if not ways:
        return None
    if len(ways) > 1:
        raise RequestError(f"{' and '.join(ways)} say two things", param=next(iter(ways)), remedy="send one of them")
    ((field, value),) = ways.items()
    try:
        if field == "response_format":
            return _from_response_format(value)
        if field == "structured_outputs":
            return _convert({name: v for name, v in value.items() if not (name in FIXED_OPTIONS and not v)})
        return _convert({field.removeprefix("guided_"): value})
    except RequestError as error:
        raise RequestError(error.message, param=field, remedy=error.remedy) from None
    except msgspec.ValidationError as error:
        raise RequestError(f"{field}: {error}", param=field, remedy="see the guide on structured output") from None


def _from_response_format(value: Mapping[str, Any]) -> StructuredOutputsParams:
    kind = value.get("type")
    if kind == "json_object":
        return StructuredOutputsParams(json_object=True)
    if kind != "json_schema":
        raise RequestError("its type is not known", remedy="use text, json_object or json_schema")
    described = value.get("json_schema")
    schema = described.get("schema") if isinstance(described, Mapping) else None
    if not isinstance(described, Mapping) or not isinstance(schema, Mapping):
        raise RequestError("json_schema.schema is no object", remedy="send the schema there")
    return _convert({"json": schema, "strict": described.get("strict") or False})


def _convert(fields: Mapping[str, Any]) -> StructuredOutputsParams:
    known = {name: value for name, value in fields.items() if value is not None}
    unknown = known.keys() - {field.name for field in msgspec.structs.fields(_Fields)}
    if unknown:
        raise RequestError(f"{sorted(unknown)[0][:40]!r} is not known there", remedy="leave it out")
    return StructuredOutputsParams(**msgspec.structs.asdict(msgspec.convert(known, _Fields)))
