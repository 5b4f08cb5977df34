"""What `POST /generate` takes and gives."""

from __future__ import annotations

from pydantic import BaseModel

from sampan.server.fields import SamplingFields, TokenLimit, one_of


class GenerateRequest(SamplingFields):
    """`POST /generate`. `max_length` is the most tokens to generate, the prompt not counted; so is `max_tokens`."""

    prompt: str | None = None  # demanded by the route, once body and query are put together
    max_length: TokenLimit | None = None

    @property
    def max_new_tokens(self) -> int | None:
        return one_of("max_length", self.max_length, "max_tokens", self.max_tokens)


class Generated(BaseModel):
    """The answer."""

    response: str
