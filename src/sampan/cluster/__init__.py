"""Between server and engine: who runs the engine, and how requests reach it.

Knows: requests as token ids, streams of outputs, life and death of an engine. Refuses to know: text, HTTP, tensors.
Today the engine runs in a thread; engine processes come behind the same `EngineClient`.
"""

from sampan.cluster.client import EngineClient, EngineStatus, OutputStream
from sampan.cluster.thread_engine import ThreadEngine

__all__ = ["EngineClient", "EngineStatus", "OutputStream", "ThreadEngine"]
