"""The text world: everything between characters and token ids.

Knows tokenizers, chat templates and how reasoning models mark their thoughts. Refuses to know models, weights, engines
and HTTP: what goes in and comes out is text, token ids and plain data. The rule of the room: special tokens come from
templates, never from what a user, a tool or a document says.
"""

from sampan.text.chat_template import THINKING_SWITCHES, ChatPrompt, ChatTemplate
from sampan.text.detokenizer import IncrementalDetokenizer
from sampan.text.messages import ChatMessage, parse_messages
from sampan.text.reasoning import THINK_END, THINK_START, ReasoningDelta, ReasoningSplitter
from sampan.text.stop import StopMatcher
from sampan.text.stream import TextDelta, TextStream
from sampan.text.tokenizer import Tokenizer
from sampan.text.tokenizer_config import TokenizerConfig

__all__ = [
    "THINKING_SWITCHES",
    "THINK_END",
    "THINK_START",
    "ChatMessage",
    "ChatPrompt",
    "ChatTemplate",
    "IncrementalDetokenizer",
    "ReasoningDelta",
    "ReasoningSplitter",
    "StopMatcher",
    "TextDelta",
    "TextStream",
    "Tokenizer",
    "TokenizerConfig",
    "parse_messages",
]
