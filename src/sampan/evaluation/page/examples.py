"""The page's examples, for readers to judge for themselves."""

from __future__ import annotations

from html import escape

from sampan.evaluation.page.numbers import percent, small
from sampan.evaluation.page.words import say, say_kind
from sampan.evaluation.quality import Candidate, DifferentAnswer, Disagreement


def different_answers(candidate: Candidate) -> str:
    """Tasks that the candidate answered differently; first those where only one of both is right."""
    if not candidate.different_answers:
        return ""
    cards = "".join(map(_answer_card, candidate.different_answers))
    return f'<h2>{say("different", name=candidate.model.title)}</h2><div class="list">{cards}</div>'


def _answer_card(answer: DifferentAnswer) -> str:
    sides = "".join(
        f'<div><span class="tag">{say(who)}, {_mark(right)}</span><pre>{escape(text)}</pre></div>'
        for who, right, text in (
            ("reference", answer.reference_right, answer.reference),
            ("candidate", answer.candidate_right, answer.candidate),
        )
    )
    return (
        f'<div class="card"><p class="context">{escape(answer.prompt)}</p>'
        f'<span class="tag">{say("expected", answer=answer.expected)}</span><div class="pair">{sides}</div></div>'
    )


def _mark(right: bool) -> str:
    return (
        f'<span class="passed">✓ {say("right")}</span>' if right else f'<span class="refused">✗ {say("wrong")}</span>'
    )


def disagreements(candidate: Candidate) -> str:
    """Positions where its most probable token is another one."""
    if not candidate.disagreements:
        return ""
    cards = "".join(map(_disagreement_card, candidate.disagreements))
    title = f"<h2>{say('disagreements', name=candidate.model.title)}</h2>"
    return f'{title}<p class="lead">{say("disagreements_lead")}</p><div class="list narrow">{cards}</div>'


def _disagreement_card(place: Disagreement) -> str:
    sides = "".join(
        f'<div><span class="tag">{say(who)}</span> <code>{_visible(token)}</code> {percent(share, 1)}</div>'
        for who, (token, share) in (("reference", place.reference), ("candidate", place.candidate))
    )
    return (
        f'<div class="card"><p class="context">…{escape(place.before.strip())}▏</p><div class="pair">{sides}</div>'
        f'<span class="tag">{say_kind(place.domain)}, KL {small(place.kl)}</span></div>'
    )


def _visible(token: str) -> str:
    """A token whose blanks can be seen."""
    return escape(token).replace(" ", "␣").replace("\n", "⏎").replace("\t", "⇥") or "∅"
