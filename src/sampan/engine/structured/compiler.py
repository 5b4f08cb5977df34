"""Compiles grammars beside the engine's steps and keeps those that were used last."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from sampan.engine.structured.matcher import AnswerMatcher
from sampan.engine.structured.params import StructuredOutputsParams
from sampan.engine.structured.vocabulary import TokenVocabulary
from sampan.errors import OverloadedError

if TYPE_CHECKING:
    import llguidance

MAX_GRAMMARS = 64
MAX_COMPILING = 32  # of them
STACK_BYTES = 256 * 2**20  # of address space: rules that call rules are followed by recursion


class GrammarCompiler:
    """One for each engine; its methods may be called from any thread.

    Grammars are compiled one at a time, each once for all requests that ask for it; the `MAX_GRAMMARS` that were asked
    for last are kept.
    """

    def __init__(self, vocabulary: TokenVocabulary) -> None:
        self.vocabulary = vocabulary
        self._lock = threading.RLock()
        self._executor = ThreadPoolExecutor(1, "sampan-grammars")
        self._grammars: OrderedDict[StructuredOutputsParams, Future[llguidance.LLMatcher]] = OrderedDict()

    def compile(self, params: StructuredOutputsParams) -> Future[llguidance.LLMatcher]:
        """A matcher to copy, compiled in a thread unless it is known. The future is shared: do not cancel it.

        Raises:
            OverloadedError: too many wait to be compiled.
            RequestError: from the future, the constraint cannot be used.
        """
        with self._lock:
            known = self._grammars.get(params)
            if known is not None:
                self._grammars.move_to_end(params)
                return known
            if sum(not grammar.done() for grammar in self._grammars.values()) >= MAX_COMPILING:
                raise OverloadedError("too many grammars wait to be compiled", remedy="try again later")
            grammar = self._grammars[params] = self._submit(params)
            if len(self._grammars) > MAX_GRAMMARS:
                del self._grammars[next(key for key, entry in self._grammars.items() if entry.done())]
        grammar.add_done_callback(lambda done: self._forget_failure(params, done))
        return grammar

    def matcher(self, params: StructuredOutputsParams, prompt_token_ids: Sequence[int]) -> AnswerMatcher:
        """Follows the answer to one prompt. Waits where the grammar is not compiled yet.

        Raises:
            RequestError: the constraint cannot be used.
            OverloadedError: too many wait to be compiled.
        """
        return AnswerMatcher(self.compile(params).result().deep_copy(), self.vocabulary, prompt_token_ids)

    def _submit(self, params: StructuredOutputsParams) -> Future[llguidance.LLMatcher]:
        previous = threading.stack_size(STACK_BYTES)  # of the executor's thread, if this starts it
        try:
            return self._executor.submit(self._compile, params)
        finally:
            threading.stack_size(previous)

    def _compile(self, params: StructuredOutputsParams) -> llguidance.LLMatcher:
        # Here, since importing llguidance takes a tenth of what an engine needs to start, and few requests want it.
        from sampan.engine.structured.grammar import compile_grammar, to_grammar

        return compile_grammar(self.vocabulary.trie, to_grammar(params))

    def _forget_failure(self, params: StructuredOutputsParams, grammar: Future[llguidance.LLMatcher]) -> None:
        with self._lock:
            if grammar.exception() is not None and self._grammars.get(params) is grammar:
                del self._grammars[params]
