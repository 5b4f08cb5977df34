"""Grafana's panels, in its dashboard schema, as plain dictionaries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Json = dict[str, Any]
SCHEMA_VERSION = 39  # Grafana 11
WIDTH = 24  # of a dashboard, in Grafana's units
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
GREEN, YELLOW, RED = "green", "#EAB839", "red"


def query(expr: str, legend: str = "__auto", **options: Any) -> Json:
    """One query of a panel. `legend` names its series; Grafana fills in labels such as `{{instance}}`."""
    return {"datasource": DATASOURCE, "editorMode": "code", "expr": expr, "legendFormat": legend, **options}


def steps(*bounds: tuple[float, str]) -> Json:
    """Colours by value: green, and from each bound on the colour beside it."""
    first: list[Json] = [{"color": GREEN, "value": None}]
    return {"mode": "absolute", "steps": first + [{"color": color, "value": bound} for bound, color in bounds]}


def panel(kind: str, title: str, text: str, unit: str, queries: Sequence[Json], size: tuple[int, int]) -> Json:
    """What all kinds of panels have. `size` is width and height in Grafana's units."""
    targets = [{**target, "refId": chr(ord("A") + index)} for index, target in enumerate(queries)]
    return {
        "type": kind,
        "title": title,
        "description": text,
        "datasource": DATASOURCE,
        "targets": targets,
        "gridPos": {"w": size[0], "h": size[1]},
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
    }


def stat(title: str, text: str, unit: str, expr: str, colors: Json, decimals: int | None = None) -> Json:
    """One number now, on the colour that says how good it is, before its course so far."""
    made = panel("stat", title, text, unit, [query(expr, title)], (4, 4))
    defaults = made["fieldConfig"]["defaults"]
    defaults |= {"thresholds": colors, "color": {"mode": "thresholds"}}
    if decimals is not None:
        defaults["decimals"] = decimals
    calculation = {"calcs": ["lastNotNull"], "fields": "", "values": False}
    made["options"] = {"colorMode": "background_solid", "graphMode": "area", "reduceOptions": calculation}
    return made


def graph(
    title: str,
    text: str,
    unit: str,
    *queries: Json,
    width: int = 8,
    stacked: bool = False,
    limits: Json | None = None,
    most: float | None = None,
) -> Json:
    """Lines over time; areas on one another where they are parts of a whole.

    Args:
        limits: colours by value, drawn as dashed lines.
        most: the end of the axis.
    """
    made = panel("timeseries", title, text, unit, queries, (width, 8))
    style: Json = {
        "lineWidth": 1,
        "fillOpacity": 30 if stacked else 8,
        "gradientMode": "none" if stacked else "opacity",
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
        "thresholdsStyle": {"mode": "dashed" if limits else "off"},
    }
    made["fieldConfig"]["defaults"] |= {
        "custom": style,
        "color": {"mode": "palette-classic"},
        "thresholds": limits or steps(),
        **({} if most is None else {"max": most}),
    }
    made["options"] = {
        "legend": {"displayMode": "table", "placement": "bottom", "calcs": ["mean", "max", "lastNotNull"]},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return made


def colored(made: Json, **colors: str) -> Json:
    """The panel, whose series of these names have these colours."""
    made["fieldConfig"]["overrides"] = [
        {
            "matcher": {"id": "byName", "options": name},
            "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": color}}],
        }
        for name, color in colors.items()
    ]
    return made


def heatmap(title: str, text: str, unit: str, expr: str, width: int = 8) -> Json:
    """Of a histogram's buckets: where most values lie, and what few there are beyond."""
    made = panel("heatmap", title, text, unit, [query(expr, "{{le}}", format="heatmap")], (width, 8))
    made["options"] = {
        "calculate": False,
        "color": {"mode": "scheme", "scheme": "Oranges", "scale": "exponential", "exponent": 0.5, "steps": 64},
        "cellGap": 1,
        "filterValues": {"le": 1e-9},
        "rowsFrame": {"layout": "auto"},
        "yAxis": {"axisPlacement": "left", "unit": unit},
        "tooltip": {"mode": "single", "yHistogram": True},
        "legend": {"show": False},
    }
    return made


def laid_out(rows: Sequence[tuple[str, Sequence[Json]]]) -> list[Json]:
    """All panels, each row under its heading, with ids and places: from left to right, then further down."""
    placed: list[Json] = []
    top = 0
    for title, panels in rows:
        heading = {"type": "row", "title": title, "collapsed": False, "panels": []}
        placed.append({**heading, "gridPos": {"x": 0, "y": top, "w": WIDTH, "h": 1}})
        top, left, height = top + 1, 0, 0
        for made in panels:
            width, own_height = made["gridPos"]["w"], made["gridPos"]["h"]
            if left + width > WIDTH:
                top, left, height = top + height, 0, 0
            placed.append({**made, "gridPos": {"x": left, "y": top, "w": width, "h": own_height}})
            left, height = left + width, max(height, own_height)
        top += height
    return [{"id": index, **made} for index, made in enumerate(placed, start=1)]
