"""The token world: schedule, execute, update, in a loop.

Knows: requests, KV blocks, budgets, when a request ends. Refuses to know: HTTP, processes, and how anything is
computed; the policy files are plain Python on plain data. Text appears in `llm` and `loader` only, at the edge of the
Python API.
"""

from sampan.engine.engine import Engine
from sampan.engine.llm import LLM
from sampan.engine.loader import LoadedModel, load_model, load_tokenizer
from sampan.engine.outputs import CompletionOutput, EngineOutput, FinishReason, RequestOutput
from sampan.engine.request import Request
from sampan.engine.sampling_params import SamplingParams

__all__ = [
    "LLM",
    "CompletionOutput",
    "Engine",
    "EngineOutput",
    "FinishReason",
    "LoadedModel",
    "Request",
    "RequestOutput",
    "SamplingParams",
    "load_model",
    "load_tokenizer",
]
