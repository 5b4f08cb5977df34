"""The page asks for nothing, says all in two languages, and shows text as text."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from sampan.evaluation import LayerError, Quality, write_quality
from sampan.evaluation.page.axis import Axis, decades
from sampan.evaluation.page.document import quality_page
from sampan.evaluation.page.words import KINDS, WORDS
from sampan.evaluation.quality import DifferentAnswer

VOID = {"meta", "br"}


class Balance(HTMLParser):
    """Whether each element that is opened is closed, and what the text says."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.languages: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.languages += [value or "" for name, value in attrs if name == "lang"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def parsed(page: str) -> Balance:
    balance = Balance()
    balance.feed(page)
    assert balance.open == []
    return balance


def test_both_files(quality: Quality, tmp_path: Path):
    write_quality(quality, tmp_path / "new" / "folder", max_loss=1e-9)
    page = (tmp_path / "new" / "folder" / "quality.html").read_text(encoding="utf-8")
    document = json.loads((tmp_path / "new" / "folder" / "quality.json").read_text(encoding="utf-8"))
    assert document["gate"]["passed"] is False
    assert "refused: the gate is 1e-09 %" in page
    assert "passes the gate" in page  # the reference itself does
    assert len(page) < 300_000


def test_the_page_stands_alone(quality: Quality):
    page = quality_page(quality)
    assert not re.search(r"(?:src|href)\s*=|url\(|@import", page)
    assert set(re.findall(r"https?://[^\s\"'<]+", page)) <= {"http://www.w3.org/2000/svg"}
    assert "gate" not in re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)


def test_the_page_is_whole_and_in_two_languages(quality: Quality):
    seen = parsed(quality_page(quality))
    assert seen.tags.count("svg") == 5  # the boat and four drawings
    assert seen.languages.count("en") == seen.languages.count("zh-CN") + 1  # the document's own
    alone = parsed(quality_page(replace(quality, candidates=quality.candidates[:1])))
    assert alone.tags.count("svg") == 4  # sizes are compared where there are several


def test_layers_are_drawn_where_they_are_known(quality: Quality):
    errors = [LayerError(f"model.layers.{i}.mlp.down_proj.weight", "int4", 0.01 * (i + 1)) for i in range(3)]
    first = replace(quality.candidates[0], layers=[*errors, LayerError("lm_head.weight", "int8", 0.001)])
    page = quality_page(replace(quality, candidates=(first, *quality.candidates[1:])))
    assert parsed(page).tags.count("svg") == 6
    assert "model.layers.2.mlp.down_proj.weight, int4: 0.03" in page
    only_outer = replace(first, layers=[LayerError("lm_head.weight", "int8", 0.001)])
    assert parsed(quality_page(replace(quality, candidates=(only_outer,)))).tags.count("svg") == 4


def test_text_stays_text(quality: Quality):
    hostile = "<script>alert(1)</script>&{x}</style>"
    answer = DifferentAnswer("<b>", hostile, hostile, hostile, hostile, True, False)
    model = replace(quality.candidates[0].model, name=hostile)
    first = replace(quality.candidates[0], model=model, different_answers=[answer])
    material = replace(quality.material, dropped=[hostile], sources=[hostile])
    page = quality_page(replace(quality, candidates=(first,), material=material))
    assert parsed(page).tags.count("script") == 1
    assert hostile not in page


def test_every_word_has_two_languages():
    for english, chinese in WORDS.values():
        assert set(re.findall(r"{\w+}", english)) == set(re.findall(r"{\w+}", chinese))
        assert re.search(r"[\u4e00-\u9fff]", chinese)
    assert all(english and chinese for english, chinese in KINDS.values())


@pytest.mark.parametrize(
    ("axis", "ticks"),
    [
        (Axis(0, 10, 0, 100), [0, 2, 4, 6, 8, 10]),
        (Axis(0.95, 1.0, 0, 100), [0.95, 0.96, 0.97, 0.98, 0.99, 1.0]),
        (Axis(0, 2310, 0, 100), [0, 500, 1000, 1500, 2000]),
        (Axis(1e-3, 10, 0, 100, True), [1e-3, 1e-2, 1e-1, 1, 10]),
    ],
)
def test_ticks_are_round(axis: Axis, ticks: list[float]):
    assert axis.ticks() == pytest.approx(ticks)
    assert (axis(axis.low), axis(axis.high)) == (0, 100)
    assert axis(axis.low - 1) == 0


def test_decades():
    assert decades([0.02, 0.3]) == pytest.approx((0.01, 1.0))
    assert decades([1.0]) == pytest.approx((1.0, 10.0))
