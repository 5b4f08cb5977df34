"""A server with the embedded model, for clients as their authors made them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from server_process import sampan_serve


@pytest.fixture(scope="session")
def url() -> Iterator[str]:
    with sampan_serve("--log-level", "warning") as server:
        yield f"{server.url}/v1"
