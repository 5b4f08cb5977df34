"""What ends an answer. With a wrong stop id a model talks on, asks itself the next question and answers that, too."""

from __future__ import annotations

from collections.abc import Iterator

from sampan.config import ModelConfig
from sampan.errors import RequestError
from sampan.examination.files import Report
from sampan.examination.subject import Subject
from sampan.examination.template import QUESTION
from sampan.finding import FAIL, OK, WARN, Finding
from sampan.text import ChatTemplate, Tokenizer

GENERATION_FILE = "generation_config.json"
END = "END-OF-THE-ANSWER"


def check_stops(subject: Subject, report: Report) -> Iterator[Finding]:
    """The token that ends a turn in the template is a stop id, every stop id is a token that ends something, and the
    files agree on them."""
    tokenizer, config = subject.tokenizer, subject.config
    if tokenizer is None:
        return
    stops = stop_ids(tokenizer, config)
    faults = [*_check_ids(tokenizer, config, stops), *_check_turn_end(subject, tokenizer, stops)]
    yield from faults
    if not faults:
        yield Finding("stop ids", OK, ", ".join(f"{token_id} {shown(tokenizer, token_id)}" for token_id in stops))


def stop_ids(tokenizer: Tokenizer, config: ModelConfig | None) -> tuple[int, ...]:
    """Ids that end an answer when the model is served: those of the tokenizer and `generation_config.json`, else those
    of `config.json`."""
    return tokenizer.eos_token_ids or (config.eos_token_ids if config is not None else ())


def shown(tokenizer: Tokenizer, token_id: int) -> str:
    """A token's text; empty for an id that is none's."""
    return tokenizer.decode([token_id], skip_special_tokens=False)


def _check_ids(tokenizer: Tokenizer, config: ModelConfig | None, stops: tuple[int, ...]) -> Iterator[Finding]:
    if not stops:
        yield Finding(
            "stop ids", FAIL, "none: answers end at the longest length only", "set eos_token_id in config.json"
        )
    for token_id in stops:
        if token_id not in tokenizer.added_ids:
            text = shown(tokenizer, token_id)
            detail = f"{token_id} is " + (f"the ordinary token {text!r}" if text else "no token")
            yield Finding(
                "stop ids",
                FAIL,
                f"{detail}: answers end at the wrong place",
                f"correct eos_token_id in {GENERATION_FILE}",
            )
        elif token_id in (tokenizer.think_start_id, tokenizer.think_end_id):
            detail = f"{token_id} {shown(tokenizer, token_id)}: answers end with the thought"
            yield Finding("stop ids", FAIL, detail, f"correct eos_token_id in {GENERATION_FILE}")
    configured = config.eos_token_ids if config is not None else ()
    foreign = [token_id for token_id in configured if token_id not in tokenizer.added_ids]
    if foreign:
        detail = f"eos_token_id {foreign[0]} of config.json is no special token of the tokenizer"
        yield Finding("stop ids", FAIL, detail, "use config.json and tokenizer files of one and the same model")
    named = [("config.json", configured), (GENERATION_FILE, tokenizer.config.eos_token_ids)]
    own = tokenizer.config.special_tokens.get("eos_token")
    own_id = None if own is None else tokenizer.token_to_id(own)
    for file, ids in named:
        if ids and not foreign and own_id is not None and own_id not in ids:
            says = ", ".join(f"{token_id} {shown(tokenizer, token_id)}" for token_id in ids)
            detail = f"{file} says {says}, the tokenizer {own_id} {own}"
            yield Finding("stop ids", WARN, detail, f"set eos_token_id to {own_id} in {file}: other programs go by it")


def _check_turn_end(subject: Subject, tokenizer: Tokenizer, stops: tuple[int, ...]) -> Iterator[Finding]:
    end = None if subject.template is None else turn_end(subject.template, tokenizer)
    if end is not None and stops and end not in stops:
        detail = f"a turn ends with {end} {shown(tokenizer, end)} in the template, which is none of them"
        yield Finding("stop ids", FAIL, f"{detail}: answers run on", f"add {end} to eos_token_id in {GENERATION_FILE}")


def turn_end(template: ChatTemplate, tokenizer: Tokenizer) -> int | None:
    """The special token behind an assistant's turn, as the template writes it; None where there is none."""
    said = {"role": "assistant", "content": END}
    try:
        text = template.as_written([QUESTION, said, QUESTION])
    except RequestError:
        return None
    behind = tokenizer.encode_with_specials(text.rpartition(END)[2].lstrip())
    return behind[0] if behind and behind[0] in tokenizer.added_ids else None
