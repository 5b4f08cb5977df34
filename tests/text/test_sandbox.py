"""Templates are foreign code: what honest ones need works, and hostile ones end within their budget."""

from __future__ import annotations

import re
from typing import Any

import pytest

from sampan.text.sandbox import MAX_TEMPLATE_CHARS, TemplateSandbox, WorkBudget

MEGABYTE = "x" * 1_000_000
NAMESPACES = (
    "{% set ns = namespace(x=0) %}{% for i in range(60) %}{% set ns.x = namespace(a=ns.x, b=ns.x) %}{% endfor %}"
)


def render(source: str, budget: WorkBudget | None = None, **variables: Any) -> str:
    sandbox = TemplateSandbox()
    return sandbox.render(sandbox.load(source), variables, budget)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{% for m in messages %}{{ m.role }}:{{ m['content'] | trim }};{% endfor %}", "user:hi;tool:x;"),
        ("{% for m in messages %}{{ loop.index0 ~ loop.last }} {% endfor %}", "0False 1True "),
        ("{% for m in messages if m.role == 'tool' %}{{ loop.length }}{% endfor %}", "1"),
        ("{% for m in messages %}{% if loop.index > 1 %}{% break %}{% endif %}{{ m.role }}{% endfor %}", "user"),
        ("{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 2 %}{% endfor %}{{ ns.n }}", "4"),
        ("{% macro m(x) %}<{{ x }}>{% endmacro %}{{ m('a') + m(1) }}", "<a><1>"),
        ("{% for k, v in {'a': 1}.items() %}{{ k }}={{ v }}{% endfor %}", "a=1"),
        ("{% set a, b = 1, 2 %}{{ b % 2 }}{{ a - b }}{{ 3 * 4 }}", "0-112"),
        ("{{ [1, 2, 3][1:] }}{{ (1, 2)[0] }}{{ [1] + [2] }}{{ 'ab' * 2 }}", "[2, 3]1[1, 2]abab"),
        ("{{ messages | map(attribute='role') | join(', ') }}", "user, tool"),
        ("{{ messages | selectattr('role', 'equalto', 'tool') | list | length }}", "1"),
        ("{{ messages | join('+', attribute='role') }}{{ ', '.join(['a', 'b']) }}", "user+toola, b"),
        ("{{ 'a b'.split() | last }}{{ 'a b c'.split(' ', 1)[1] }}{{ 'ab' | list | length }}", "bb c2"),
        ("{{ 'a.b.c'.split('.')[-1] }}{{ 'aXbX' | replace('X', '-', 1) }}{{ 'aXbX'.replace('X', '') }}", "ca-bXab"),
        ("{{ {'a': '<é>', 'b': [1]} | tojson }}", '{"a": "<é>", "b": [1]}'),
        ("{{ [1] | tojson(indent=2) }}", "[\n  1\n]"),
        ("{{ missing }}{{ missing is defined }}{{ missing | default('d') }}{{ none }}", "FalsedNone"),
        ("{% set x | upper %}abc{% endset %}{{ x }}{% filter lower %}DEF{% endfilter %}", "ABCdef"),
        ("{% if true %}\n  a\n  {% endif %}\nb", "  a\nb"),
        ("{{ '%d' }}{% raw %}{{ x }}{% endraw %}", "%d{{ x }}"),
    ],
)
def test_what_honest_templates_use(source: str, expected: str) -> None:
    assert render(source, messages=[{"role": "user", "content": " hi "}, {"role": "tool", "content": "x"}]) == expected


def test_the_date() -> None:
    assert re.fullmatch(r"\d\d [A-Z][a-z]{2} \d{4}", render("{{ strftime_now('%d %b %Y') }}"))


def test_templates_may_refuse() -> None:
    with pytest.raises(Exception, match="roles must alternate"):
        render("{{ raise_exception('roles must alternate') }}")


@pytest.mark.parametrize(
    "source",
    [
        "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
        "{% set r = range(99999) | list %}{% for i in r %}{% for j in r %}{% endfor %}{% endfor %}",
        "{% set r = range(99999) %}{% for i in r %}{% for j in r %}{{ '' }}{% endfor %}{% endfor %}",
        "{% set ns = namespace(x='x') %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
        "{% set ns = namespace(x='x') %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
        "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
        "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}",
        "{% set ns = namespace(x=1) %}{% for i in range(60) %}{% set ns.x = (ns.x, ns.x) %}{% endfor %}{{ ns.x }}",
        "{% set ns = namespace(x=1) %}{% for i in range(60) %}{% set ns.x = {1: ns.x, 2: ns.x} %}{% endfor %}",
        "{% set ns = namespace(x=1) %}{% for i in range(60) %}{% set ns.x = dict(a=ns.x, b=ns.x) %}{% endfor %}",
        NAMESPACES + "{{ ns.x }}",
        NAMESPACES + "{{ [ns.x] | string }}",
        "{% set ns = namespace(x=3) %}{% for i in range(60) %}{% set ns.x = ns.x * ns.x %}{% endfor %}",
        "{% macro m(x) %}{{ x }}{{ x }}{% endmacro %}{% set ns = namespace(x='x') %}"
        "{% for i in range(60) %}{% set ns.x = m(ns.x) %}{% endfor %}",
        "{% macro m(n) %}{{ m(n - 1) }}{{ m(n - 1) }}{% endmacro %}{{ m(9) }}",
        "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}",
        "{% for x in [1] recursive %}{{ loop([1, 2]) }}{% endfor %}",
        "{% set x %}{% for i in range(99999) %}{{ big }}{% endfor %}{% endset %}",
        "{% for i in range(99999) %}" + "x" * 10_000 + "{% endfor %}",
        "{{ 'x' * 10000000000 }}",
        "{{ 10000000000 * 'x' }}",
        "{{ [0] * 10000000000 }}",
        "{{ 2 ** 10000000000 }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ '%1000000000d' | format(1) }}",
        "{{ '{:1000000000}'.format(1) }}",
        "{{ 'x'.center(1000000000) }}",
        "{{ 'x'.zfill(1000000000) }}",
        "{{ 'x' | center(1000000000) }}",
        "{{ 'x' | indent(1000000000) }}",
        "{{ big.replace('', big) }}",
        "{{ big | replace('x', big) }}",
        "{{ big.join(big) }}",
        "{{ big | join(big) }}",
        "{{ range(99999) | map('string') | map('replace', '', big) | list }}",
        "{{ [1] | tojson(indent=1000000000) }}",
        "{% set ns = namespace(x=1) %}{% for i in range(400) %}{% set ns.x = [ns.x, 1, 1, 1] %}{% endfor %}"
        "{% for i in range(99999) %}{{ ns.x | tojson(indent=16) }}{% endfor %}",
        "{{ strftime_now('%1000000000d') }}",
        "{{ lipsum(1000000) }}",
        "{{ (1).to_bytes(1000000000) }}",
        "{% set r = range(99999) | list %}{{ r | select('in', r) | list }}",
        "{{ big.split('x') }}",
        "{{ big.rsplit() }}",
        "{{ big | list }}",
        "{{ ''.join(big) }}",
        "{{ range(99999) | map('string') | map('replace', '', big) | first }}",
        "{{ loop }}{% for i in [1] %}{{ loop | list }}{% endfor %}",
    ],
)
def test_hostile_templates_end_within_their_budget(source: str) -> None:
    with pytest.raises(Exception, match=r"work|recursion|cannot|unsafe|undefined|No filter|expected token|has no"):
        render(source, WorkBudget(work=4_000_000, seconds=0.5), big=MEGABYTE)


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.x }}",
        "{{ ''['__class__'].x }}",
        "{{ '' | attr('__class__') }}",
        "{{ raise_exception.__globals__.x }}",
        "{{ namespace.__init__.x }}",
        "{{ messages.append(1) }}",
        "{% include 'x' %}",
        "{% import 'x' as y %}",
        "{% extends 'x' %}",
        "{{ self.__init__.x }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ '{0.__class__}'.format(1) }}",
    ],
)
def test_no_way_out(source: str) -> None:
    with pytest.raises(Exception, match=r"unsafe|No filter|undefined|no loader"):
        render(source, messages=[])


def test_long_templates_are_refused() -> None:
    with pytest.raises(Exception, match="more than"):
        TemplateSandbox().load(" " * (MAX_TEMPLATE_CHARS + 1))


def test_honest_work_on_a_long_history_fits_the_budget() -> None:
    source = "{% for m in messages %}{{ '<u>' + m.content + '</u>' }}{% endfor %}"
    messages = [{"content": "x" * 4000}] * 1000
    assert len(render(source, messages=messages)) == 1000 * 4007
