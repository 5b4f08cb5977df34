"""What a server tells Prometheus.

Knows: which numbers there are (`registry.py`, one table, from which the guide's is made), how a worker counts, how the
counts of several workers become one answer. Refuses to know: HTTP beyond the one route, what prompts or answers say.
"""

from sampan.server.metrics.recorder import AnswerRecord, Recorder
from sampan.server.metrics.routes import metrics_routes

__all__ = ["AnswerRecord", "Recorder", "metrics_routes"]
