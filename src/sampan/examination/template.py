"""The chat template: its age, BOS once, and no old thoughts in a new prompt."""

from __future__ import annotations

from collections.abc import Iterator

from sampan.errors import RequestError
from sampan.examination.files import Report
from sampan.examination.subject import Subject
from sampan.finding import FAIL, OK, WARN, Finding
from sampan.text import THINK_START, ChatTemplate
from sampan.text.chat_template import ASSISTANT_TAG

OWN = "use the template that came with the model: chat_template of tokenizer_config.json"
QUESTION = {"role": "user", "content": "What is 2 + 2?"}
THOUGHT, ANSWER = "a thought of an earlier turn", "the answer of an earlier turn"
NEW, OLD = "February 2025", "January 2025"


def check_template(subject: Subject, report: Report) -> Iterator[Finding]:
    """It renders, ends where the model goes on, and forgets earlier thoughts."""
    problem, template = subject.problems.get("template"), subject.template
    if problem is not None:
        yield Finding("template", FAIL, subject.told(problem.message), problem.remedy)
    if template is None:
        return
    age = template_age(template)
    if age == NEW:
        yield Finding("template", OK, f"{NEW}: the prompt ends in {THINK_START}")
    elif age == OLD:
        yield Finding("template", OK, f"{OLD}: the prompt ends in {ASSISTANT_TAG}, and Sampan adds {THINK_START}")
    elif subject.thinks:
        ending = template.as_written([QUESTION])[-40:]
        yield Finding("template", WARN, f"the prompt ends in {ending!r}: the model may not think first", OWN)
    else:
        yield Finding("template", OK, "renders a question; this model has no thoughts")
    yield from _check_history(template)


def template_age(template: ChatTemplate) -> str:
    """`NEW` or `OLD`, by what it ends in where the model is to speak; empty for another one's template."""
    text = template.as_written([QUESTION])
    return NEW if text.rstrip().endswith(THINK_START) else OLD if text.endswith(ASSISTANT_TAG) else ""


def _check_history(template: ChatTemplate) -> Iterator[Finding]:
    said = {"role": "assistant", "content": f"{THINK_START}\n{THOUGHT}\n</think>\n\n{ANSWER}"}
    try:
        text = template.as_written([QUESTION, said, QUESTION])
    except RequestError as error:
        yield Finding("history", FAIL, f"a second question cannot be shown: {error.message}", OWN)
        return
    if ANSWER not in text:
        yield Finding("history", FAIL, "earlier answers are missing from the prompt", OWN)
    elif THOUGHT in text:
        yield Finding("history", WARN, "earlier thoughts stay in the prompt, and fill the context", OWN)
    else:
        yield Finding("history", OK, "keeps earlier answers, drops earlier thoughts")


def check_bos(subject: Subject, report: Report) -> Iterator[Finding]:
    """A prompt begins with BOS, and has no second one: that costs accuracy, and nothing shows it."""
    tokenizer, template = subject.tokenizer, subject.template
    if tokenizer is None:
        return
    bos, bos_id = tokenizer.config.special_tokens.get("bos_token"), tokenizer.bos_token_id
    configured = None if subject.config is None else subject.config.bos_token_id
    if configured is not None and configured not in tokenizer.added_ids:
        detail = f"bos_token_id {configured} of config.json is no special token of the tokenizer"
        yield Finding("BOS", FAIL, detail, "use config.json and tokenizer files of one and the same model")
        return
    if bos is None or template is None:
        if bos is None and subject.thinks:
            yield Finding("BOS", WARN, "tokenizer_config.json names no bos_token: prompts begin without", OWN)
        return
    count, written = (
        template.encode([QUESTION]).token_ids.count(bos_id or 0),
        template.as_written([QUESTION]).count(bos),
    )
    if count != 1:
        yield Finding(
            "BOS", FAIL, f"a prompt holds {bos} {count} times", "set add_bos_token in tokenizer_config.json, or " + OWN
        )
    elif written > 1:
        detail = f"the template writes {bos} {written} times; Sampan keeps one, other programs may not"
        yield Finding("BOS", WARN, detail, OWN)
    else:
        yield Finding("BOS", OK, f"{bos} once, from the {'template' if written else 'tokenizer'}")
