"""Structured output: answers that follow a JSON schema, a regular expression, a list of choices or a grammar.

Knows: grammars, and which tokens may follow which in an answer; llguidance does that work. Refuses to know: logits,
scheduling, and text other than the bytes of tokens. What a request's next token may be is a function of its prompt and
its output so far and of nothing else, so a request that was preempted or resumed goes on as if nothing had happened.
"""

from sampan.engine.structured.allowed import AllowedTokens
from sampan.engine.structured.compiler import GrammarCompiler
from sampan.engine.structured.masks import MaskWriter, Positions
from sampan.engine.structured.matcher import AnswerMatcher
from sampan.engine.structured.params import StructuredOutputsParams
from sampan.engine.structured.vocabulary import TokenVocabulary

__all__ = [
    "AllowedTokens",
    "AnswerMatcher",
    "GrammarCompiler",
    "MaskWriter",
    "Positions",
    "StructuredOutputsParams",
    "TokenVocabulary",
]
