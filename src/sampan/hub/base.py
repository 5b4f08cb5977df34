"""What a hub is to those who fetch from it, whichever it is."""

from __future__ import annotations

from typing import Any, Protocol

from sampan.hub.listing import Listing


class Hub(Protocol):
    """One hub's addresses and answers; who sends and receives is `web.py`."""

    @property
    def source(self) -> str:
        """`huggingface` or `modelscope`."""

    @property
    def endpoint(self) -> str:
        """Its address, without a slash at the end."""

    @property
    def default_revision(self) -> str:
        """The branch that is meant where none is named."""

    @property
    def token_variable(self) -> str:
        """The environment variable that the hub's own tools take a token from."""

    def headers(self, token: str) -> dict[str, str]:
        """Those that prove who asks."""

    def page(self, repository: str) -> str:
        """Where people look at it, ask for access, and read its terms."""

    def listing_url(self, repository: str, revision: str) -> str:
        """Answers with JSON for `read_listing`."""

    def read_listing(self, answer: Any) -> Listing | None:
        """None where the hub has no such revision. Raises HubError: it is no listing."""

    def file_url(self, repository: str, revision: str, path: str) -> str:
        """Sends the file, or redirects to where it is."""
