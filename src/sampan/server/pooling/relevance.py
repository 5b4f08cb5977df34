"""How well a document fits a query, by the likelihood of the served model.

A model that answers questions knows what answers look like. So the score asks how much likelier the document is as an
answer to the query than as an answer to a greeting: with `r` the mean over the document's tokens of

    log P(token | query, tokens before) - log P(token | greeting, tokens before)

it is `1 / (1 + exp(-r))`: between 0 and 1, and 0.5 where the query tells nothing of the document. What is common to all
documents of their kind (their language, their form, how hard they are to guess) is in both terms and falls out.
ADR 0017 has what else was tried.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sampan.engine.sampling_params import SamplingParams
from sampan.errors import ContextLengthError
from sampan.server.fields import AdmissionFields
from sampan.server.off_loop import off_loop_if
from sampan.server.pooling.read_prompts import PromptToRead, ReadPrompt, read_prompts
from sampan.server.service import INLINE_CHARS, Service

GREETING = "Hello"


@dataclass(frozen=True, slots=True)
class Relevance:
    """Scores of pairs, in their order, and the tokens of the prompts with the queries."""

    scores: list[float]
    num_tokens: int


async def relevance(
    service: Service,
    pairs: Sequence[tuple[str, str]],
    request: AdmissionFields,
    *,
    cache_salt: str,
    max_document_tokens: int | None = None,
) -> Relevance:
    """Scores (query, document) pairs. What a query's prompts have in common is computed once, where the prefix cache is
    on.

    Args:
        max_document_tokens: of a longer document, the first ones count.

    Raises:
        ContextLengthError: a query and its document do not fit.
        SampanError: see `read_prompts`.
    """
    questions = list(dict.fromkeys([query for query, _ in pairs]))
    beginnings = {question: await _beginning(service, question) for question in (*questions, GREETING)}
    texts = list(dict.fromkeys([document for _, document in pairs]))
    documents = await off_loop_if(
        sum(map(len, texts)) > INLINE_CHARS,
        lambda: {text: service.tokenizer.encode(text)[:max_document_tokens] for text in texts},
    )
    reads = dict.fromkeys([*pairs, *((GREETING, text) for text in texts)])
    prompts = [_to_read(beginnings[query], documents[text]) for query, text in reads]
    longest = service.engine.max_model_len
    for prompt in prompts:
        if len(prompt.token_ids) > longest:
            raise ContextLengthError(
                f"a query and its document have {len(prompt.token_ids)} tokens, and the context {longest}",
                param="documents",
                remedy="send shorter documents, or max_tokens_per_doc to have them cut",
            )
    found = dict(zip(reads, await read_prompts(service, prompts, request, cache_salt), strict=True))
    ratios = [_mean(found[pair]) - _mean(found[GREETING, pair[1]]) for pair in pairs]
    num_tokens = sum(len(beginnings[query]) + len(documents[text]) for query, text in pairs)
    return Relevance([0.5 + 0.5 * math.tanh(ratio / 2) for ratio in ratios], num_tokens)


async def _beginning(service: Service, question: str) -> Sequence[int]:
    """The prompt whose next token is the first one of the answer."""
    return (await service.chat_prompt([{"role": "user", "content": question}], thinking=False)).token_ids


def _to_read(beginning: Sequence[int], document: Sequence[int]) -> PromptToRead:
    params = SamplingParams(max_tokens=0, prompt_logprobs=0, prompt_read_start=len(beginning))
    return PromptToRead([*beginning, *document], params)


def _mean(read: ReadPrompt) -> float:
    return math.fsum(float(entry.logprobs[0]) for entry in read.logprobs) / len(read.logprobs)
