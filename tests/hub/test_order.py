"""From a name, a source and the environment to one hub and one repository."""

from __future__ import annotations

import os

import pytest

from sampan.errors import UnknownModelError, UsageError
from sampan.hub import make_order
from sampan.zoo import find

DISTILL = "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B"


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("SAMPAN_", "HF_", "MODELSCOPE_")):
            monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("name", "repository", "file", "revision", "folder"),
    [
        ("qwen-1.5b", DISTILL, "", "", "deepseek-r1-distill-qwen-1.5b"),
        ("qwen-1.5b@v1", DISTILL, "", "v1", "deepseek-r1-distill-qwen-1.5b"),
        (DISTILL, DISTILL, "", "", "deepseek-r1-distill-qwen-1.5b"),
        ("org/repo", "org/repo", "", "", "org--repo"),
        ("org/repo@refs/pr/1", "org/repo", "", "refs/pr/1", "org--repo"),
        ("org/repo/q4.gguf", "org/repo", "q4.gguf", "", "org--repo--q4"),
        ("org/repo/d/q4.gguf@v1", "org/repo", "d/q4.gguf", "v1", "org--repo--q4"),
    ],
)
def test_names(name: str, repository: str, file: str, revision: str, folder: str) -> None:
    order = make_order(name)
    assert order.wanted == (repository, file, revision)
    assert order.name == folder


def test_a_file_and_a_revision_may_be_said_apart() -> None:
    order = make_order("org/repo", file="d/q4.gguf", revision="v1")
    assert order == make_order("org/repo/d/q4.gguf@v1")
    assert make_order("qwen-7b", file="q4.gguf").name == "deepseek-ai--DeepSeek-R1-Distill-Qwen-7B--q4"


@pytest.mark.parametrize("name", ["a/b/c", "a/../b", "a//b", "../x/y", "a/b@", "a/b@../c", "-a/b", "a/b/../x.gguf"])
def test_what_is_no_id_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=r"is no model of a hub|is no revision"):
        make_order(name)


def test_what_cannot_be_pulled() -> None:
    with pytest.raises(UsageError, match="sampan-tiny comes with Sampan"):
        make_order("tiny")
    with pytest.raises(UnknownModelError, match="did you mean"):
        make_order("qwen-1.5")
    with pytest.raises(UsageError, match="differ"):
        make_order("org/repo@a", revision="b")
    with pytest.raises(UsageError, match="is no GGUF file"):
        make_order("org/repo", file="model.bin")
    with pytest.raises(UsageError, match="is no GGUF file"):
        make_order("org/repo/a.gguf", file="b.gguf")
    with pytest.raises(UsageError, match="is no revision"):
        make_order("org/repo", revision="a b")
    with pytest.raises(UsageError, match="unknown source 'hf'"):
        make_order("org/repo", source="hf")


def test_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    assert make_order("a/b").hub.endpoint == "https://huggingface.co"
    assert make_order("a/b", source="modelscope").hub.endpoint == "https://www.modelscope.cn"
    assert make_order("a/b", source="https://hf-mirror.com/").hub.endpoint == "https://hf-mirror.com"
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example/api/hf")
    monkeypatch.setenv("MODELSCOPE_DOMAIN", "www.modelscope.ai")
    hub = make_order("a/b").hub
    assert hub.listing_url("a/b", "refs/pr/1").startswith(
        "https://mirror.example/api/hf/api/models/a/b/revision/refs%2F"
    )
    assert hub.file_url("a/b", "main", "d/é?.gguf").endswith("/a/b/resolve/main/d/%C3%A9%3F.gguf")
    hub = make_order("a/b", source="modelscope").hub
    assert hub.file_url("a/b", "master", "d/x.json").endswith(
        "modelscope.ai/api/v1/models/a/b/repo?Revision=master&FilePath=d%2Fx.json"
    )
    assert make_order("a/b", endpoint="https://own").hub.endpoint == "https://own"


@pytest.mark.parametrize("address", ["ftp://a", "http://", "https://user:secret@a", "file:///etc", "https://a?b"])
def test_bad_addresses(address: str) -> None:
    with pytest.raises(UsageError, match="is no address of a hub"):
        make_order("a/b", source=address)


def test_tokens_go_where_the_hubs_own_tools_send_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_a")
    monkeypatch.setenv("MODELSCOPE_API_TOKEN", "ms_b")
    assert make_order("a/b").private == {"Authorization": "Bearer hf_a"}
    assert make_order("a/b", source="modelscope").private["Cookie"] == "m_session_id=ms_b"
    assert make_order("a/b", source="https://mirror.example").private == {}
    assert make_order("a/b", endpoint="https://mirror.example").private == {}
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example")
    assert make_order("a/b").private == {"Authorization": "Bearer hf_a"}
    monkeypatch.setenv("HF_ENDPOINT", "http://mirror.example")  # others could read along
    assert make_order("a/b").private == {}
    monkeypatch.setenv("HF_TOKEN", "hf\nX-Evil: 1")
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example")
    with pytest.raises(UsageError) as caught:
        make_order("a/b")
    assert "Evil" not in str(caught.value)


def test_every_model_of_the_zoo_has_an_order_at_both_hubs() -> None:
    for source in ("huggingface", "modelscope"):
        assert make_order("r1-7b", source=source).entry is find("qwen-7b")
