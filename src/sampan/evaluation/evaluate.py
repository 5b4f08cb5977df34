"""The evaluation itself: the reference answers and reads, then each candidate does, then both are compared."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sampan import __version__
from sampan.engine import LLM, SamplingParams
from sampan.errors import ConfigError, UsageError
from sampan.evaluation.answers import Answer, answer_tasks
from sampan.evaluation.compare import Readings, check_finite, compare, summarise_tasks
from sampan.evaluation.material import Material, own_material
from sampan.evaluation.provenance import run_facts
from sampan.evaluation.quality import Candidate, LayerError, MaterialFacts, ModelFacts, Quality
from sampan.evaluation.reading import Passage, ReferenceReading, make_outlines, read_candidate, read_reference
from sampan.evaluation.subject import Progress, Subject
from sampan.text import Tokenizer

PASSAGE_TOKENS = 512  # of a text that are read in one piece
ANSWERS_READ = 16  # of the reference's own, as texts: what the model writes is what it will have to read
ANSWERS = "answers"  # their domain
MAX_TOKENS = 2048  # of an answer


def evaluate(
    candidates: Subject | Sequence[Subject],
    reference: Subject | None = None,
    *,
    material: Material | None = None,
    layers: Sequence[LayerError] = (),
    max_tokens: int = MAX_TOKENS,
    threads: int | None = None,
    progress: Progress = lambda what, done, total: None,
) -> Quality:
    """Measures models against a reference, which is read once for all of them. No two are in memory together.

    Args:
        candidates: one, or several to be compared.
        reference: None takes the first candidate's own model, exactly as it is stored.
        material: None takes Sampan's own texts and tasks.
        layers: what quantising each matrix of the first candidate did, where the caller knows.
        max_tokens: of an answer to a task, thought included.
        progress: is told what is done, how much of it, and of how much.

    Raises:
        UnknownModelError, CheckpointError, TokenizerError: a model cannot be used.
        QualityError: a model computes NaN or infinity.
        ConfigError: the models do not have the same tokens, so their distributions cannot be compared; or the KV cache
            has no room for the texts.
        UsageError: there is nothing to read or to ask.

    Example:
        >>> quality = evaluate(Subject(precision="int4"))
        >>> quality.check(max_loss=1.0)
    """
    candidates = (candidates,) if isinstance(candidates, Subject) else tuple(candidates)
    reference = reference or Subject.exact(candidates[0].model)
    material = material or own_material()
    if not material.texts and not material.tasks:
        raise UsageError("there is nothing to read or to ask", remedy="give texts or tasks: --data FILE")
    work = _Work(material, max_tokens, threads, progress)
    measured = _measure_reference(work, reference)
    found = []
    for subject in candidates:
        gc.collect()  # the model before has gone out of scope
        found.append(_measure_candidate(work, measured, subject))
    return Quality(
        version=__version__,
        material=_material_facts(work, measured),
        reference=measured.facts,
        reference_tasks=summarise_tasks(material.tasks, measured.answers),
        candidates=(replace(found[0], layers=tuple(layers)), *found[1:]),
        run=run_facts(),
    )


@dataclass(frozen=True, slots=True)
class _Work:
    """What is the same for every model of an evaluation."""

    material: Material
    max_tokens: int
    threads: int | None
    progress: Progress


@dataclass(frozen=True, slots=True)
class _Reference:
    """What is left of a reference when it is no longer in memory."""

    facts: ModelFacts
    sampling: SamplingParams
    tokenizer: Tokenizer
    vocab_size: int
    passage_tokens: int
    answers: list[Answer]
    passages: list[Passage]
    num_texts: int  # passages that are texts; the others are answers
    outlines: ReferenceReading


def _measure_reference(work: _Work, subject: Subject) -> _Reference:
    sha256 = subject.sha256(work.threads, work.progress)
    llm = subject.open(work.max_tokens, work.threads, work.progress)
    sampling, tokenizer, vocab_size = llm.loaded.sampling_defaults, llm.loaded.tokenizer, llm.loaded.engine.vocab_size
    answers, speed = _answer(work, llm, sampling)
    size = min(PASSAGE_TOKENS, llm.loaded.engine.max_model_len)
    texts = _text_passages(tokenizer, work.material, size)
    passages = [*texts, *_answer_passages(answers)]
    num_positions = sum(passage.num_positions for passage in passages)
    if not num_positions:
        raise UsageError("the texts have no two tokens", remedy="give longer ones: --data FILE")
    outlines = make_outlines(num_positions, vocab_size)
    reading = read_reference(llm, passages, outlines, _step(work, llm, "reads"))
    facts = _facts(subject, llm, sha256, reading.tokens_per_s, speed)
    check_finite(facts, outlines.log_total)
    outlines = replace(outlines, reading=reading)
    return _Reference(facts, sampling, tokenizer, vocab_size, size, answers, passages, len(texts), outlines)


def _measure_candidate(work: _Work, reference: _Reference, subject: Subject) -> Candidate:
    sha256 = subject.sha256(work.threads, work.progress)
    llm = subject.open(work.max_tokens, work.threads, work.progress)
    engine = llm.loaded.engine
    texts = _text_passages(llm.loaded.tokenizer, work.material, reference.passage_tokens)
    if engine.vocab_size != reference.vocab_size or texts != reference.passages[: reference.num_texts]:
        raise ConfigError(
            f"{llm.loaded.name} and {reference.facts.name} do not have the same tokens",
            remedy="compare a model with one that it was made from: --reference MODEL",
        )
    longest = max(len(passage.token_ids) for passage in reference.passages)
    if longest > engine.max_model_len:
        raise ConfigError(
            f"{llm.loaded.name} has room for {engine.max_model_len} tokens, and the longest text has {longest}",
            remedy="free memory for its KV cache, or take a --kv-cache of fewer bits",
        )
    answers, speed = _answer(work, llm, reference.sampling)
    reading, kl = read_candidate(llm, reference.passages, reference.outlines, _step(work, llm, "reads"))
    facts = _facts(subject, llm, sha256, reading.tokens_per_s, speed)
    readings = Readings(reference.passages, reference.outlines.reading, reading, kl)
    return compare(facts, readings, work.material.tasks, reference.answers, answers, reference.tokenizer)


def _answer(work: _Work, llm: LLM, sampling: SamplingParams) -> tuple[list[Answer], float | None]:
    """Answers, and tokens a second of all together."""
    step, total = _step(work, llm, "answers"), len(work.material.tasks)
    begin = time.perf_counter()
    answers = answer_tasks(llm, work.material.tasks, sampling, work.max_tokens, lambda done: step(done, total))
    seconds = time.perf_counter() - begin
    return answers, sum(answer.num_tokens for answer in answers) / seconds if answers else None


def _text_passages(tokenizer: Tokenizer, material: Material, size: int) -> list[Passage]:
    """Texts as tokens, in pieces of `size` that are read alone; each begins as the model's texts begin."""
    start = tokenizer.encode("", add_bos=True)
    room = size - len(start)
    passages = []
    for text in material.texts:
        ids = tokenizer.encode(text.text)
        pieces = [(*start, *ids[begin : begin + room]) for begin in range(0, len(ids), room)]
        passages += [Passage(text.domain, piece) for piece in pieces if len(piece) > 1]
    return passages


def _answer_passages(answers: Sequence[Answer]) -> list[Passage]:
    """The beginnings of the reference's answers, the prompts before them left out of account."""
    return [
        Passage(ANSWERS, answer.token_ids[: answer.num_prompt_tokens + PASSAGE_TOKENS], answer.num_prompt_tokens - 1)
        for answer in answers[:ANSWERS_READ]
    ]


def _step(work: _Work, llm: LLM, what: str) -> Callable[[int, int], None]:
    return lambda done, total: work.progress(f"{llm.loaded.name} {what}", done, total)


def _facts(
    subject: Subject, llm: LLM, sha256: str, read_tokens_per_s: float, answer_tokens_per_s: float | None
) -> ModelFacts:
    loaded = llm.loaded
    return ModelFacts(
        name=subject.name or loaded.name,
        precision=subject.precision,
        kv_cache=subject.kv_cache,
        sha256=sha256,
        num_parameters=loaded.config.num_parameters,
        weight_bytes=loaded.backend.weight_bytes,
        read_tokens_per_s=round(read_tokens_per_s, 1),
        answer_tokens_per_s=None if answer_tokens_per_s is None else round(answer_tokens_per_s, 1),
    )


def _material_facts(work: _Work, reference: _Reference) -> MaterialFacts:
    material, outlines = work.material, reference.outlines
    return MaterialFacts(
        sources=material.sources,
        sha256=material.sha256,
        passages=len(reference.passages),
        positions=len(outlines.log_total),
        answers_read=len(reference.passages) - reference.num_texts,
        tasks=len(material.tasks),
        max_tokens=work.max_tokens,
        dropped=material.dropped,
        kept_tokens=outlines.token_ids.shape[1],
        rest=float(np.exp(outlines.log_rest - outlines.log_total).mean()),
    )
