"""What a request that is worded in another API becomes: the fields of ours."""

from __future__ import annotations

from typing import Any

from pydantic import PrivateAttr, ValidationError

from sampan.engine.structured import StructuredOutputsParams
from sampan.server.fields import NumLogprobs, SamplingFields
from sampan.server.http.body import validation_failure
from sampan.server.openai.tool_grammar import tool_constraint
from sampan.server.openai.tools import ToolPlan


class WordedSampling(SamplingFields):
    """Sampling fields with what other APIs ask for in fields of their own."""

    logprobs: NumLogprobs | None = None
    _plan: ToolPlan | None = PrivateAttr(default=None)

    @classmethod
    def of(cls, *, plan: ToolPlan | None = None, **fields: Any) -> WordedSampling:
        """Fields in our words.

        Args:
            plan: the tools that may be called.

        Raises:
            RequestError: a value is out of range.
        """
        try:
            made = cls(**fields)
        except ValidationError as error:
            raise validation_failure(error) from None
        made._plan = plan
        return made

    @property
    def num_logprobs(self) -> int | None:
        return self.logprobs

    def with_tools(self, wanted: StructuredOutputsParams | None) -> StructuredOutputsParams | None:
        return wanted if self._plan is None else tool_constraint(self._plan, wanted)
