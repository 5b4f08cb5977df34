"""The sampling that a model's makers advise."""

from __future__ import annotations

from collections.abc import Iterator

from sampan.engine.generation_config import read_sampling_defaults
from sampan.examination.files import Report
from sampan.examination.subject import Subject
from sampan.finding import OK, WARN, Finding

ADVISED = "ask with --temperature 0.6 --top-p 0.95"
FOR_GOOD = ", or write both into generation_config.json"


def check_sampling(subject: Subject, report: Report) -> Iterator[Finding]:
    """`generation_config.json` is readable, and neither greedy nor without advice: R1 repeats itself at temperature 0
    and loses its thread at 1 (DeepSeek-R1 README)."""
    if subject.texts is None:
        return
    params = read_sampling_defaults(subject.texts)
    remedy = ADVISED if subject.is_gguf else ADVISED + FOR_GOOD
    detail = f"temperature {params.temperature:g}, top_p {params.top_p:g}"
    if subject.thinks and params.temperature == 0:
        yield Finding("sampling", WARN, f"{detail}: R1 distills repeat themselves without end", remedy)
    elif subject.thinks and params.temperature >= 1:
        yield Finding("sampling", WARN, f"{detail}: R1's makers advise 0.5 to 0.7", remedy)
    else:
        yield Finding("sampling", OK, detail)
