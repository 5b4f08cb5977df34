"""What a worker is told at its start. Not in `worker.py`, as the supervisor has no use for HTTP libraries."""

from __future__ import annotations

import msgspec

from sampan.cluster.log import LogStyle
from sampan.config import ServerConfig

METRICS_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
"""The environment variable that tells `prometheus_client`, when it is imported, where the workers' counts lie."""


class WorkerOrder(msgspec.Struct, frozen=True, tag=True):
    """The supervisor's first words to a worker; what follows are `Situation`s.

    Args:
        config: of the server; the names in it are settled once the model's is known.
        served_model_name: the one that the operator chose.
    """

    config: ServerConfig
    served_model_name: str | None
    log: LogStyle
