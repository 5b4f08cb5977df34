"""The page: a verdict, what stands behind it, and examples to judge for oneself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

from sampan.evaluation.estimates import RESAMPLES, Estimate
from sampan.evaluation.page import plots
from sampan.evaluation.page.examples import different_answers, disagreements
from sampan.evaluation.page.numbers import percent, signed_points, size, small
from sampan.evaluation.page.table import table
from sampan.evaluation.page.words import say, say_kind, spoken
from sampan.evaluation.quality import Candidate, ModelFacts, Quality, TaskScores

HERE = Path(__file__).parent
BOAT = HERE.parents[1] / "apps" / "web" / "boat.svg"
COLUMNS = (
    "model",
    "bits",
    "size",
    "loss",
    "mean_kl",
    "same_top",
    "task_score",
    "thinking",
    "loops",
    "reads",
    "answers",
)
EXACT_REST = 1e-12  # probability outside an outline that is nothing but rounding


def quality_page(quality: Quality, max_loss: float | None = None) -> str:
    """One HTML document without any reference to another."""
    first = quality.candidates[0]
    english, _ = spoken("title", name=_name(quality))
    body = "".join(
        (
            _header(quality),
            *(_verdict(candidate, max_loss) for candidate in quality.candidates),
            _tiles(quality, first) if len(quality.candidates) == 1 else "",  # the table has all of it
            _models(quality),
            _distribution(quality),
            _layers(first),
            _tasks(quality),
            different_answers(first),
            disagreements(first),
            _measured(quality),
        )
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{english}</title><style>{(HERE / 'style.css').read_text(encoding='utf-8')}</style>"
        f"<script>{(HERE / 'language.js').read_text(encoding='utf-8')}</script></head>"
        f"<body><main>{body}</main></body></html>\n"
    )


def _header(quality: Quality) -> str:
    title = say("title", name=_name(quality))
    beside = say("beside", reference=quality.reference.title)
    boat = BOAT.read_text(encoding="utf-8")
    return f'<header>{boat}<div><h1>{title}</h1><p>{beside}</p></div><button id="language">中文</button></header>'


def _name(quality: Quality) -> str:
    """What the page is about: one candidate, or the model that all are made of."""
    first, *others = quality.candidates
    return first.model.name if others else first.model.title


def _verdict(candidate: Candidate, max_loss: float | None) -> str:
    loss, gate = candidate.loss_percent, ""
    if max_loss is not None:
        verdict = "passed" if candidate.passes(max_loss) else "refused"
        gate = f'<span class="gate {verdict}">{say(verdict, limit=f"{max_loss:g}")}</span>'
    lead = say(
        "lead",
        name=candidate.model.title,
        value=f"{loss.value:.3g}",
        low=f"{loss.low:.3g}",
        high=f"{loss.high:.3g}",
        positions=f"{candidate.distance.positions:,}",
    )
    number = f"{loss.value:.2g}<small> % {say('loss')}</small>"
    return f'<section class="verdict"><div><div class="number">{number}</div>{gate}</div><p>{lead}</p></section>'


def _tiles(quality: Quality, candidate: Candidate) -> str:
    distance, model, reference = candidate.distance, candidate.model, quality.reference
    ratio = distance.perplexity_ratio
    tiles = [
        _tile(
            "mean_kl", small(distance.kl.value), say("p99_max", p99=small(distance.kl_p99), most=small(distance.kl_max))
        ),
        _tile("same_top", percent(distance.top1_agreement.value), _interval(distance.top1_agreement, percent)),
        _tile(
            "perplexity",
            f"× {ratio.value:.4f}",
            say(
                "perplexity_of",
                candidate=f"{distance.perplexity:.4g}",
                reference=f"{distance.reference_perplexity:.4g}",
            ),
        ),
        _tile(
            "size",
            size(model.weight_bytes),
            say("size_of", bits=f"{model.bits:.2f}", reference=size(reference.weight_bytes)),
        ),
    ]
    mine, theirs = quality.reference_tasks, candidate.tasks
    if mine is not None and theirs is not None and candidate.score_change is not None:
        change = signed_points(candidate.score_change.value)
        tiles += [
            _tile(
                "task_score",
                percent(theirs.score.value, 1),
                say("task_change", reference=percent(mine.score.value, 1), change=change),
            ),
            _tile(
                "thinking",
                f"{theirs.thinking_tokens.value:.0f}",
                say("thinking_of", reference=f"{mine.thinking_tokens.value:.0f}", loops=percent(theirs.loop_rate, 1)),
            ),
        ]
    return f'<div class="tiles">{"".join(tiles)}</div>'


def _tile(key: str, value: str, note: str) -> str:
    return f'<div class="tile"><small>{say(key)}</small><b>{value}</b><small>{note}</small></div>'


def _interval(estimate: Estimate, shown: Callable[[float], str]) -> str:
    return f"{shown(estimate.low)} – {shown(estimate.high)}"


def _models(quality: Quality) -> str:
    rows = [_model_row(quality.reference, None, quality.reference_tasks)]
    rows += [_model_row(each.model, each, each.tasks) for each in quality.candidates]
    return f"<h2>{say('models')}</h2>{table(map(say, COLUMNS), rows)}"


def _model_row(model: ModelFacts, candidate: Candidate | None, tasks: TaskScores | None) -> list[str]:
    if candidate is None:
        distance = [say("reference"), "", ""]
    else:
        loss = candidate.loss_percent
        distance = [
            f"{small(loss.value)} %<small>{small(loss.low)} – {small(loss.high)}</small>",
            small(candidate.distance.kl.value),
            percent(candidate.distance.top1_agreement.value),
        ]
    answers = "" if model.answer_tokens_per_s is None else f"{model.answer_tokens_per_s:,.0f}"
    asked = (
        ["", "", ""]
        if tasks is None
        else [percent(tasks.score.value, 1), f"{tasks.thinking_tokens.value:.0f}", percent(tasks.loop_rate, 1)]
    )
    cells = [
        f"{model.bits:.2f}",
        size(model.weight_bytes),
        *distance,
        *asked,
        f"{model.read_tokens_per_s:,.0f}",
        answers,
    ]
    return [escape(model.title), *cells]


def _distribution(quality: Quality) -> str:
    candidates = quality.candidates
    figures = [
        _figure("histogram", plots.histogram(candidates)),
        _figure("agreement", plots.agreement(candidates)),
        _figure("by_domain", plots.by_domain(candidates)),
    ]
    if len(candidates) > 1:
        figures.append(_figure("frontier", plots.frontier(candidates)))
    legend = _legend([each.model.title for each in candidates]) if len(candidates) > 1 else ""
    return (
        f'<h2>{say("distribution")}</h2><p class="lead">{say("distribution_lead")}</p>{legend}'
        f'<div class="plots">{"".join(figures)}</div>'
    )


def _figure(key: str, drawing: str, *, legend: str = "", wide: bool = False) -> str:
    caption = f"<figcaption><h3>{say(key)}</h3><p>{say(f'{key}_of')}</p></figcaption>"
    return f"<figure{' class=wide' if wide else ''}>{caption}{legend}{drawing}</figure>"


def _legend(names: Sequence[str]) -> str:
    entries = (
        f'<span><i style="background:{plots.colour(index)}"></i>{escape(name)}</span>'
        for index, name in enumerate(names)
    )
    return f'<div class="legend">{"".join(entries)}</div>'


def _layers(candidate: Candidate) -> str:
    if not plots.layer_kinds(candidate.layers):
        return ""
    legend = _legend(plots.layer_kinds(candidate.layers))
    return (
        f'<div class="plots layers">{_figure("layers", plots.layers(candidate.layers), legend=legend, wide=True)}</div>'
    )


def _tasks(quality: Quality) -> str:
    reference, count = quality.reference_tasks, quality.material.tasks
    if reference is None:
        return ""
    models = [(quality.reference.title, reference)]
    models += [(each.model.title, each.tasks) for each in quality.candidates if each.tasks is not None]
    rows = [[say_kind(kind), *(_share(*scores.by_kind[kind]) for _, scores in models)] for kind in reference.by_kind]
    rows.append([say("all_tasks"), *(_share(round(scores.score.value * count), count) for _, scores in models)])
    rows.append([say("num_different"), "", *(str(each.num_different_answers) for each in quality.candidates)])
    shown = table([say("kind"), *(escape(name) for name, _ in models)], rows)
    return f'<h2>{say("tasks")}</h2><p class="lead">{say("tasks_lead", count=count)}</p>{shown}'


def _share(right: int, asked: int) -> str:
    return f"{right}<small>/ {asked}</small>"


def _measured(quality: Quality) -> str:
    material, machine = quality.material, quality.run.get("machine", {})
    if material.rest < EXACT_REST:
        exactness = say("exact", kept=f"{material.kept_tokens:,}")
    else:
        exactness = say("outlined", kept=f"{material.kept_tokens:,}", rest=f"{100 * material.rest:.2g}")
    sources = say(
        "sources_of",
        sources=", ".join(material.sources),
        passages=material.passages - material.answers_read,
        answers=material.answers_read,
        tasks=material.tasks,
        tokens=f"{material.max_tokens:,}",
    )
    models = [quality.reference, *(each.model for each in quality.candidates)]
    hashes = {model.title: model.sha256 for model in models}
    listed = "<br>".join(f"{escape(name)} <code>{value}</code>" for name, value in hashes.items())
    commit = str(quality.run.get("commit", ""))
    facts = {
        "sources": sources,
        "dropped": "<br>".join(map(escape, material.dropped)) or say("none_dropped"),
        "exactness": exactness,
        "confidence": say("confidence_of", resamples=f"{RESAMPLES:,}"),
        "hashes": f"{listed}<br>{say('data')} <code>{material.sha256}</code>",
        "machine": escape(f"{machine.get('processor', '')}, {machine.get('system', '')}"),
        "made_by": escape(f"Sampan {quality.version} {commit}, {quality.run.get('date', '')}"),
    }
    entries = "".join(f"<dt>{say(key)}</dt><dd>{value}</dd>" for key, value in facts.items())
    return f'<h2>{say("measured")}</h2><dl class="card">{entries}</dl>'
