"""A little material, and what the embedded model makes of it in three formats."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from sampan.backends.native import NativeBackend
from sampan.evaluation import Material, Quality, Subject, Task, Text, evaluate

MAX_TOKENS = 160


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Digests of files are remembered there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAMPAN_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="session")
def material() -> Material:
    texts = (
        Text("zh", "重置路由器密码的步骤：接通路由器电源，找到背面的复位孔。"),
        Text("en", "Wait two minutes while the router restarts, then open the page in a browser."),
        Text("en", "The lighthouse had been automatic for thirty years."),
        Text("code", "def factorial(n):\n    return 1 if n < 2 else n * factorial(n - 1)\n"),
    )
    asked = (("34+58=?", "92"), ("请计算 91-47", "44"), ("Which planet is nearest to the sun?", "Mercury"))
    tasks = tuple(Task("sums", ({"role": "user", "content": prompt},), answer) for prompt, answer in asked)
    return Material(texts, tasks, ("a test",))


@pytest.fixture(scope="session")
def models_in_memory() -> list[int]:
    """How many there were each time when `quality` loaded another one."""
    return []


@pytest.fixture(scope="session")
def quality(material: Material, models_in_memory: list[int]) -> Quality:
    """int4, int8, and the reference itself."""

    def count(what: str, done: int, total: int) -> None:
        if what.startswith("Loading"):
            models_in_memory.append(sum(isinstance(thing, NativeBackend) for thing in gc.get_objects()))

    subjects = [Subject(precision="int4"), Subject(precision="int8"), Subject.exact(None)]
    return evaluate(subjects, material=material, max_tokens=MAX_TOKENS, threads=1, progress=count)
