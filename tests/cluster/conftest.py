"""A server of several processes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cluster_process import Cluster, cluster


@pytest.fixture(scope="module")
def shared() -> Iterator[Cluster]:
    """A server that several tests hurt, one after the other."""
    with cluster("--workers", "2", "--log-level", "warning") as server:
        yield server
