"""Tensors against the configuration, and every value of them: a model with one NaN answers with nothing but noise."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from sampan.checkpoint import RawTensor, expected_tensors, verify
from sampan.checkpoint.dtypes import FLOAT_DTYPES, Array
from sampan.checkpoint.mapped_file import release
from sampan.checkpoint.shapes import BELONGS, EMBEDDING, HARMLESS_SUFFIX, OUTPUT
from sampan.errors import CheckpointError
from sampan.examination.files import Report
from sampan.examination.subject import Subject
from sampan.finding import FAIL, OK, WARN, Finding
from sampan.quant.packing import num_processors

SHOWN = 3  # names in a message
PIECE_VALUES = 1 << 20
DAMAGED = "the weights are damaged: fetch them again, or convert them again"
# The exponent, all ones for NaN and Inf (IEEE 754), in the bits of a value without its sign.
EXPONENTS = {
    "bf16": (np.uint16, 0x7FFF, 0x7F80),
    "fp16": (np.uint16, 0x7FFF, 0x7C00),
    "fp32": (np.uint32, 2**31 - 1, 0x7F800000),
}


def check_tensors(subject: Subject, report: Report) -> Iterator[Finding]:
    """Exactly the tensors of the configuration, in its shapes, as floats."""
    config = subject.config
    if config is None or not subject.tensors:
        return
    expected = expected_tensors(config)
    found = {name: tensor for name, tensor in subject.tensors.items() if not name.endswith(HARMLESS_SUFFIX)}
    if config.tie_word_embeddings and OUTPUT in found:
        expected[OUTPUT] = expected[EMBEDDING]
    faults = list(_faults(subject, expected, found))
    yield from faults
    if faults or subject.checkpoint is None:
        return
    try:
        verify(subject.checkpoint)  # what a start asks for; only the tied output is left
    except CheckpointError as error:
        yield Finding("tensors", FAIL, subject.told(error.message), error.remedy)
    else:
        tied = ", the output is the embedding" if config.tie_word_embeddings else ""
        yield Finding("tensors", OK, f"all {len(expected)}, {config.num_parameters:,} weights{tied}")


def _faults(
    subject: Subject, expected: Mapping[str, tuple[int, ...]], found: Mapping[str, RawTensor]
) -> Iterator[Finding]:
    missing = [name for name in expected if name not in found]
    if missing and subject.checkpoint is not None:  # else they may stand in a file that cannot be read
        yield Finding("missing tensors", FAIL, _listed(missing), BELONGS)
    surplus = [name for name in found if name not in expected]
    if surplus:
        yield Finding("left-over tensors", FAIL, _listed(surplus), BELONGS)
    known = {name: tensor for name, tensor in found.items() if name in expected}
    odd = [
        f"{name} is {list(tensor.shape)}, not {list(expected[name])}"
        for name, tensor in known.items()
        if tensor.shape != expected[name]
    ]
    if odd:
        yield Finding("shapes", FAIL, _listed(odd), BELONGS)
    types = [f"{name} is {tensor.dtype}" for name, tensor in known.items() if tensor.dtype not in FLOAT_DTYPES]
    if types:
        yield Finding("types", FAIL, _listed(types), f"use weights stored as {', '.join(FLOAT_DTYPES)}")


def _listed(items: Sequence[str]) -> str:
    more = f" and {len(items) - SHOWN} more" if len(items) > SHOWN else ""
    return f"{', '.join(items[:SHOWN])}{more}"


class Tally(NamedTuple):
    """Of a piece of a tensor."""

    name: str
    num_values: int
    num_wrong: int  # NaN or Inf
    is_zero: bool


def check_values(subject: Subject, report: Report) -> Iterator[Finding]:
    """No NaN, no Inf, and no matrix of nothing but zeros."""
    floats = {name: tensor for name, tensor in subject.tensors.items() if tensor.dtype in FLOAT_DTYPES and tensor.shape}
    if not floats:
        return
    wrong: dict[str, int] = {}
    alive: set[str] = set()
    total, done = sum(math.prod(tensor.shape) for tensor in floats.values()), 0
    for tally in _tallies(floats):
        done += tally.num_values
        report("Reading every weight", done, total)
        if tally.num_wrong:
            wrong[tally.name] = wrong.get(tally.name, 0) + tally.num_wrong
        if not tally.is_zero:
            alive.add(tally.name)
    if wrong:
        counted = [f"{name} ({count:,})" for name, count in wrong.items()]
        yield Finding("values", FAIL, f"NaN or Inf in {_listed(counted)}", DAMAGED)
    empty = [name for name, tensor in floats.items() if len(tensor.shape) > 1 and name not in alive]
    if empty:
        yield Finding("values", WARN, f"nothing but zeros in {_listed(empty)}", DAMAGED)
    if not wrong and not empty:
        yield Finding("values", OK, f"all {total:,} are finite")


def _tallies(tensors: Mapping[str, RawTensor]) -> Iterator[Tally]:
    """In several threads, one tensor's pieces at a time, so that few of them are under way."""
    with ThreadPoolExecutor(num_processors()) as pool:
        for name, tensor in tensors.items():
            step = max(PIECE_VALUES // max(math.prod(tensor.shape[1:]), 1), 1)
            begins = range(0, tensor.shape[0], step)

            def count(begin: int, name: str = name, tensor: RawTensor = tensor, step: int = step) -> Tally:
                with np.errstate(all="ignore"):  # what comes of an infinite scale is what is looked for
                    rows = tensor.rows(begin, min(begin + step, tensor.shape[0]))
                tally = Tally(name, rows.size, *count_wrong(rows, tensor.dtype))
                release(rows)
                return tally

            yield from pool.map(count, begins)


def count_wrong(values: Array, dtype: str) -> tuple[int, bool]:
    """How many of `values`, as they are stored, are NaN or Inf; and whether all are zero."""
    unsigned, magnitude, exponent = EXPONENTS[dtype]
    bits = np.ascontiguousarray(values).view(unsigned) & unsigned(magnitude)
    largest = bits.max(initial=0)
    return int(np.count_nonzero(bits >= exponent)) if largest >= exponent else 0, bool(largest == 0)
