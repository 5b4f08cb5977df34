"""The classes that users of PaddleNLP and transformers know, over the same engine.

Knows: those libraries' names, keywords and shapes. Refuses to know: how anything is computed; it is `LLM` and `text`
in other words. Paddle is imported where Paddle tensors are asked for, and nowhere else.
"""

from sampan.auto.encoding import BatchEncoding
from sampan.auto.generation import GenerationConfig
from sampan.auto.model import AutoModelForCausalLM
from sampan.auto.streamers import TextIteratorStreamer, TextStreamer
from sampan.auto.tokenizer import AutoTokenizer

__all__ = [
    "AutoModelForCausalLM",
    "AutoTokenizer",
    "BatchEncoding",
    "GenerationConfig",
    "TextIteratorStreamer",
    "TextStreamer",
]
