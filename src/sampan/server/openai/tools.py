"""Tools as requests bring them: which functions there are, and which of them an answer may or must call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from sampan.errors import RequestError
from sampan.server.fields import RequestModel
from sampan.text.tool_parser import ToolParser

MAX_TOOLS = 128
MAX_CALLS = 32  # of one answer under a constraint
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]


class FunctionFields(RequestModel):
    """A function. Without `strict`, an answer that need not call it may call it with any arguments."""

    name: Name
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None

    @property
    def description_fields(self) -> dict[str, Any]:
        """What the model is told of it."""
        return self.model_dump(include={"name", "description", "parameters"}, exclude_none=True)


class ToolFields(RequestModel):
    """An entry of `tools`. There are no tools but functions here."""

    type: Literal["function"]
    function: FunctionFields


class NameFields(RequestModel):
    """Names a function."""

    name: Name


class NamedTool(RequestModel):
    """`tool_choice`: this function must be called."""

    type: Literal["function"]
    function: NameFields


class AllowedToolsFields(RequestModel):
    """Some of the tools, any of which may or must be called."""

    mode: Literal["auto", "required"]
    tools: list[NamedTool] = Field(min_length=1, max_length=MAX_TOOLS)


class AllowedTools(RequestModel):
    """`tool_choice`: just these."""

    type: Literal["allowed_tools"]
    allowed_tools: AllowedToolsFields


ToolChoice = Literal["none", "auto", "required"] | NamedTool | AllowedTools


@dataclass(frozen=True, slots=True)
class ToolPlan:
    """What an answer may call.

    Args:
        described: the functions that the model is told of.
        callable: those of them that may be called.
        is_required: one of them must be.
        max_calls: of one answer.
        is_always_valid: calls that need not come are right by construction too, whether functions are `strict` or not.
    """

    described: Sequence[FunctionFields]
    callable: Sequence[FunctionFields]
    is_required: bool
    max_calls: int
    is_always_valid: bool = False

    @property
    def shown(self) -> list[dict[str, Any]]:
        """The functions as a chat template is given them."""
        return [{"type": "function", "function": function.description_fields} for function in self.described]

    def parser(self) -> ToolParser:
        """What finds the calls of one answer."""
        return ToolParser([function.name for function in self.callable], self.max_calls)

    @classmethod
    def of(
        cls, functions: Sequence[FunctionFields], choice: ToolChoice | None, *, is_parallel: bool
    ) -> ToolPlan | None:
        """The plan of a request; None where no call may come.

        Raises:
            RequestError: the choice names no function of the request, or two functions have one name.
        """
        named = {function.name: function for function in functions}
        if len(named) < len(functions):
            raise RequestError("two tools have the same name", param="tools", remedy="name each differently")
        if isinstance(choice, NamedTool):
            wanted, is_required = [choice.function.name], True
        elif isinstance(choice, AllowedTools):
            wanted = [tool.function.name for tool in choice.allowed_tools.tools]
            is_required = choice.allowed_tools.mode == "required"
        else:
            wanted, is_required = list(named), choice == "required"
        if not all(name in named for name in wanted) or (is_required and not wanted):
            raise RequestError(
                "tool_choice asks for a function that tools does not hold",
                param="tool_choice",
                remedy="send its description in tools",
            )
        if choice == "none" or not functions:
            return None
        max_calls = MAX_CALLS if is_parallel and not isinstance(choice, NamedTool) else 1
        return cls(functions, [named[name] for name in wanted], is_required, max_calls)
