"""All checks of a model, one after the other. None ends the examination."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sampan.checkpoint import ResolvedModel
from sampan.errors import SampanError
from sampan.examination.advice import check_sampling
from sampan.examination.configuration import check_config, check_context, check_quantization, check_shape
from sampan.examination.files import Report, check_files, check_hashes
from sampan.examination.memory import check_memory
from sampan.examination.stops import check_stops
from sampan.examination.subject import Subject, open_subject
from sampan.examination.template import check_bos, check_template
from sampan.examination.tokens import check_samples, check_special_tokens, check_tokenizer, check_vocabulary
from sampan.examination.weights import check_tensors, check_values
from sampan.finding import FAIL, Finding

CHECKS: dict[str, Callable[[Subject, Report], Iterator[Finding]]] = {
    "config": check_config,
    "quantization": check_quantization,
    "constants": check_shape,
    "context": check_context,
    "files": check_files,
    "hashes": check_hashes,
    "tensors": check_tensors,
    "values": check_values,
    "tokenizer": check_tokenizer,
    "vocabulary": check_vocabulary,
    "special tokens": check_special_tokens,
    "samples": check_samples,
    "template": check_template,
    "BOS": check_bos,
    "stop ids": check_stops,
    "sampling": check_sampling,
    "memory": check_memory,
}

# Those that every model has a finding of: where there is none, what it needs could not be read.
UNIVERSAL = tuple(name for name in CHECKS if name not in ("quantization", "constants"))


def examine_model(model: ResolvedModel, report: Report | None = None) -> Iterator[Finding]:
    """Every check of what is there. What cannot be read is a finding once; checks that would need it say nothing.

    Args:
        model: a folder of any form or a GGUF file.
        report: is told what goes on, how much of it is done and of how much.
    """
    subject = open_subject(model)
    for name, check in CHECKS.items():
        try:
            yield from check(subject, report or _unheard)
        except SampanError as error:
            yield Finding(name, FAIL, subject.told(error.message), error.remedy)
        except Exception as error:  # a model broken in a way that nobody thought of must not hide the other findings
            detail = f"this check could not end: {type(error).__name__}: {error}"
            yield Finding(
                name, FAIL, subject.told(detail), "the other findings come first; else please report this one"
            )


def _unheard(what: str, done: int, total: int) -> None:
    """Progress that nobody asked for."""
