"""The tokenizer: that it is the model's own, that it loses nothing, and that special tokens are what they should be."""

from __future__ import annotations

from collections.abc import Iterator

from sampan.examination.files import Report
from sampan.examination.golden import Golden, golden_samples
from sampan.examination.subject import Subject
from sampan.finding import FAIL, OK, WARN, Finding
from sampan.text import THINK_END, THINK_START, Tokenizer
from sampan.text.chat_template import ASSISTANT_TAG

OWN = "use the tokenizer files that came with the model"
# Those that all R1 distills have, and what to call them.
TAGS = {
    "<｜begin▁of▁sentence｜>": "BOS",
    "<｜end▁of▁sentence｜>": "EOS",
    "<｜User｜>": "User",
    ASSISTANT_TAG: "Assistant",
    THINK_START: THINK_START,
    THINK_END: THINK_END,
}
# Matrices are padded to a round size, 64 to 512 rows beyond the tokenizer; more than this is another model's tokenizer.
MAX_PADDING = 1024


def check_tokenizer(subject: Subject, report: Report) -> Iterator[Finding]:
    """It can be read."""
    problem, tokenizer = subject.problems.get("tokenizer"), subject.tokenizer
    if problem is not None:
        yield Finding("tokenizer", FAIL, subject.told(problem.message), problem.remedy)
    elif tokenizer is not None:
        yield Finding("tokenizer", OK, f"byte-level BPE, {tokenizer.vocab_size:,} tokens")


def check_vocabulary(subject: Subject, report: Report) -> Iterator[Finding]:
    """The model has a row for each token, and not many more."""
    if subject.tokenizer is None or subject.config is None:
        return
    padding = subject.config.vocab_size - subject.tokenizer.vocab_size
    if padding < 0:
        detail = f"the tokenizer has {-padding:,} tokens more than the model, which has {subject.config.vocab_size:,}"
        yield Finding("vocabulary", FAIL, detail, OWN)
    elif padding >= MAX_PADDING:
        yield Finding(
            "vocabulary", WARN, f"{padding:,} rows of the model have no token: another model's tokenizer?", OWN
        )
    else:
        rows = f", {padding:,} more rows fill the matrix and are never drawn" if padding else ", one for each row"
        yield Finding("vocabulary", OK, f"{subject.tokenizer.vocab_size:,} tokens{rows}")


def check_special_tokens(subject: Subject, report: Report) -> Iterator[Finding]:
    """The tags of R1's dialogue are tokens of their own."""
    tokenizer = subject.tokenizer
    if tokenizer is None:
        return
    missing = [tag for tag in TAGS if tokenizer.token_to_id(tag) not in tokenizer.added_ids]
    if missing:
        yield Finding(
            "special tokens",
            WARN,
            f"{' '.join(missing)} {'are' if len(missing) > 1 else 'is'} not among them, as in every R1 distill",
            f"{OWN}; without <think> thought and answer are not told apart",
        )
    else:
        ids = ", ".join(f"{name} {tokenizer.token_to_id(tag)}" for tag, name in TAGS.items())
        yield Finding("special tokens", OK, ids)


def check_samples(subject: Subject, report: Report) -> Iterator[Finding]:
    """Chinese, emoji, code and white space come back as they went in, by the ids that they should have."""
    tokenizer = subject.tokenizer
    if tokenizer is None:
        return
    known = known_vocabulary(tokenizer)
    samples = golden_samples()[0].token_ids
    lost = [text for text in samples if tokenizer.decode(tokenizer.encode(text)) != text]
    if lost:
        back = tokenizer.decode(tokenizer.encode(lost[0]))
        yield Finding(
            "samples", FAIL, f"{lost[0]!r} comes back as {back!r} ({len(lost)} of {len(samples)} differ)", OWN
        )
        return
    odd = [text for text, ids in known.token_ids.items() if tuple(tokenizer.encode(text)) != ids] if known else []
    if known and odd:
        ids = tokenizer.encode(odd[0])
        detail = f"{odd[0]!r} gives {ids}, not {known.name}'s {list(known.token_ids[odd[0]])}"
        yield Finding("samples", FAIL, f"{detail} ({len(odd)} of {len(samples)} differ)", OWN)
    elif known:
        yield Finding("samples", OK, f"{len(samples)} texts come back, with the ids of {known.name}")
    else:
        yield Finding("samples", OK, f"{len(samples)} texts come back; whose vocabulary it is, is not known")


def known_vocabulary(tokenizer: Tokenizer) -> Golden | None:
    """Whose vocabulary it says to be, by its special tokens."""
    for golden in golden_samples():
        if all(tokenizer.token_to_id(text) == token_id for text, token_id in golden.special_ids.items()):
            return golden
    return None
