"""Pulls from a hub, and over a network, that do what they should not."""

from __future__ import annotations

import random
import shutil
import threading
import time
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest

from hub_server import Fault, HubServer
from sampan.checkpoint import model_folder, models_home
from sampan.errors import ConfigError, HubError, SampanError, UnknownModelError, UsageError
from sampan.hub import Plan, Pulled, Terms, make_order, patience, pull, span
from sampan.hub.pieces import PIECE_BYTES
from sampan.hub.transfer import REPAIR_BYTES
from sampan.zoo import find

pytestmark = pytest.mark.usefixtures("in_process")

TINY = {path.name: path.read_bytes() for path in model_folder(find("sampan-tiny")).iterdir()}
WEIGHTS = "model.safetensors"
NOISE = {**TINY, WEIGHTS: random.Random(1).randbytes(12 * PIECE_BYTES + 1000)}


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "FIRST_PAUSE", 0.01)


class Recorder:
    """Keeps what a pull tells."""

    def __init__(self) -> None:
        self.plan: Plan | None = None
        self.terms: Terms | None = None
        self.waited = 0
        self.reported: list[tuple[str, int, int]] = []

    def waits(self) -> None:
        self.waited += 1

    def begins(self, plan: Plan) -> None:
        self.plan = plan

    def learns(self, terms: Terms) -> None:
        self.terms = terms

    def reports(self, what: str, done: int, total: int) -> None:
        self.reported.append((what, done, total))


def fetch(model: str = "org/tiny", observer: Recorder | None = None, **options: Any) -> Pulled:
    settings = {name: options.pop(name) for name in ("connections", "force", "offline") if name in options}
    return pull(make_order(model, **options), observer or Recorder(), **settings)


def holds(pulled: Pulled, files: dict[str, bytes]) -> bool:
    return all((pulled.folder / name).read_bytes() == data for name, data in files.items())


def test_a_connection_that_is_cut_goes_on_at_the_byte_where_it_was(hub: HubServer) -> None:
    hub.add("org/tiny", NOISE)
    hub.faults[WEIGHTS] = [Fault(cut=1_000_000), Fault(cut=12_345), Fault(cut=0)]
    hub.faults["config.json"] = [Fault(cut=10)]
    assert holds(fetch(connections=1), NOISE)
    assert hub.total_sent == sum(map(len, NOISE.values()))


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=429, headers={"Retry-After": "0"}),
        Fault(status=503, headers={"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}),
        Fault(status=500),
        Fault(cut=5),
    ],
)
@pytest.mark.parametrize("name", ["config.json", WEIGHTS])
def test_what_goes_away_is_tried_again(hub: HubServer, fault: Fault, name: str) -> None:
    hub.add("org/tiny", TINY)
    hub.faults[name] = [fault, fault]
    assert holds(fetch(), TINY)


def test_the_server_says_how_long_to_wait(hub: HubServer) -> None:
    hub.add("org/tiny", TINY)
    hub.faults["config.json"] = [Fault(status=429, headers={"Retry-After": "1"})]
    begun = time.monotonic()
    fetch()
    assert time.monotonic() - begun >= 1
    hub.always["config.json"] = Fault(status=429, headers={"Retry-After": "7200"})
    with pytest.raises(HubError, match="status 429 and asks to wait") as caught:
        fetch(force=True)
    assert caught.value.remedy == "run the same command again in 120 minutes"


def test_attempts_end(hub: HubServer) -> None:
    hub.add("org/tiny", TINY)
    hub.always[WEIGHTS] = Fault(status=502)
    with pytest.raises(HubError, match="status 502, 6 times in a row") as caught:
        fetch()
    assert "same command again" in caught.value.remedy
    assert not (models_home() / "org--tiny").exists()


@pytest.mark.parametrize(
    ("flip", "again"), [(5, REPAIR_BYTES), (REPAIR_BYTES + 5, len(NOISE[WEIGHTS]))], ids=["first", "second"]
)
def test_a_damaged_part_is_found_by_fetching_again(hub: HubServer, flip: int, again: int) -> None:
    """Up to the first part that does not come as before."""
    hub.add("org/tiny", NOISE)
    hub.faults[WEIGHTS] = [Fault(flip=flip)]
    assert holds(fetch(connections=1), NOISE)
    assert hub.sent[WEIGHTS] == len(NOISE[WEIGHTS]) + again


@pytest.mark.parametrize("name", ["tokenizer_config.json", WEIGHTS])
def test_content_that_is_always_wrong_is_refused(hub: HubServer, name: str) -> None:
    hub.add("org/tiny", TINY)
    hub.always[name] = Fault(flip=100)
    with pytest.raises(HubError, match=f"{name} comes with another content than the hub states") as caught:
        fetch()
    assert "--source" in caught.value.remedy
    assert hub.sent[name] == 2 * len(TINY[name])
    hub.always = {}
    assert holds(fetch(), TINY)


def test_a_size_that_is_not_the_listed_one_is_refused(hub: HubServer) -> None:
    hub.add("org/tiny", TINY)
    hub.always[WEIGHTS] = Fault(lie=len(TINY[WEIGHTS]) + 1)
    with pytest.raises(HubError, match=rf"comes with {len(TINY[WEIGHTS]) + 1} bytes, but is listed with"):
        fetch()


def test_a_server_without_ranges_serves_a_single_connection(hub: HubServer) -> None:
    hub.add("org/tiny", NOISE)
    hub.always[WEIGHTS] = Fault(whole=True)
    with pytest.raises(HubError, match="does not send parts of files") as caught:
        fetch(connections=2)
    assert caught.value.remedy == "add --connections 1"
    hub.faults[WEIGHTS] = [Fault(whole=True, cut=2 * PIECE_BYTES + 77)]
    assert holds(fetch(connections=1), NOISE)


def test_a_large_file_comes_in_several_ranges_at_once(hub: HubServer) -> None:
    hub.add("org/tiny", NOISE)
    hub.always[WEIGHTS] = Fault(rate=30e6)
    assert holds(fetch(connections=4), NOISE)
    ranges = [seen.headers["Range"] for seen in hub.requests("cdn") if "Range" in seen.headers]
    assert sorted(ranges, key=len)[0] == f"bytes=0-{PIECE_BYTES - 1}"
    assert len(ranges) == 13
    assert hub.sent[WEIGHTS] == len(NOISE[WEIGHTS])


@pytest.mark.parametrize(("source", "variable"), [("huggingface", "HF_TOKEN"), ("modelscope", "MODELSCOPE_API_TOKEN")])
def test_a_token_goes_to_the_hub_alone(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch, source: str, variable: str
) -> None:
    hub.add("org/tiny", TINY, gated=True)
    with pytest.raises(HubError, match="only for those who have accepted its terms") as caught:
        fetch(source=source)
    assert f"set {variable} to a token" in caught.value.remedy
    monkeypatch.setenv(variable, hub.token)
    hub.seen.clear()
    assert holds(fetch(source=source), TINY)
    assert all(seen.headers.get("Authorization") == f"Bearer {hub.token}" for seen in hub.requests("hub"))
    cdn = hub.requests("cdn")
    assert cdn
    assert not any(hub.token in str(seen) for seen in cdn)


def test_a_mirror_does_not_get_the_hubs_token(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add("org/tiny", TINY)
    monkeypatch.setenv("HF_TOKEN", "hf_of_huggingface")
    assert holds(fetch(source=hub.endpoint), TINY)
    assert not any("Authorization" in seen.headers for seen in hub.seen)
    monkeypatch.setenv("SAMPAN_HUB_TOKEN", "of_the_mirror")
    fetch(endpoint=hub.endpoint, force=True)
    assert any(seen.headers.get("Authorization") == "Bearer of_the_mirror" for seen in hub.seen)
    assert not any("hf_of_huggingface" in str(seen) for seen in hub.seen)


@pytest.mark.parametrize("source", ["huggingface", "modelscope"])
def test_what_a_hub_does_not_have(hub: HubServer, source: str) -> None:
    hub.add("org/tiny", TINY)
    with pytest.raises(UnknownModelError, match="knows no org/none"):
        fetch("org/none", source=source)
    with pytest.raises(UnknownModelError, match=r"org/tiny has no revision v9"):
        fetch("org/tiny@v9", source=source)


def test_nobody_is_there(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(HubError, match=r"127\.0\.0\.1:9 cannot be reached: Connection refused") as caught:
        fetch(source="http://127.0.0.1:9")
    assert "--source" in caught.value.remedy
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with pytest.raises(HubError, match="cannot be reached"):
        fetch()
    assert hub.seen == []
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    hub.add("org/tiny", TINY)
    assert holds(fetch(), TINY)


def test_the_disk_is_looked_at_first(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add("org/tiny", TINY)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**12, 10**12 - 10**8, 10**8))
    with pytest.raises(SampanError, match=r"0\.01 GB are to come, but .* has 0\.10 GB free"):
        fetch()
    assert hub.sent == {}
    assert list(models_home().iterdir()) == []


def test_a_model_that_sampan_does_not_run_costs_only_its_configuration(hub: HubServer, home: Path) -> None:
    hub.add("org/tiny", {**TINY, "config.json": b'{"model_type": "mamba"}'})
    with pytest.raises(ConfigError, match=r"org/tiny: config\.json"):
        fetch()
    assert hub.sent[WEIGHTS] == 0
    assert list((home / "models").iterdir()) == []


def test_two_pulls_at_once_are_one(hub: HubServer) -> None:
    hub.add("org/tiny", NOISE)
    hub.always[WEIGHTS] = Fault(rate=50e6)
    results: list[Pulled] = []
    observers = [Recorder(), Recorder()]
    threads = [threading.Thread(target=lambda o=o: results.append(fetch(observer=o))) for o in observers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(pulled.fetched for pulled in results) == [0, sum(map(len, NOISE.values()))]
    assert hub.sent[WEIGHTS] == len(NOISE[WEIGHTS])
    assert sorted(observer.waited > 0 for observer in observers) == [False, True]


def test_force_replaces_what_is_here_and_an_error_leaves_it(hub: HubServer, home: Path) -> None:
    hub.add("org/tiny", TINY)
    fetch()
    newer = {**TINY, "tokenizer_config.json": TINY["tokenizer_config.json"] + b"\n"}
    commit = hub.add("org/tiny", newer)
    assert holds(fetch(), TINY)
    hub.always[WEIGHTS] = Fault(status=404)
    with pytest.raises(HubError, match=rf"lists {WEIGHTS}, but does not send it"):
        fetch(force=True)
    assert (home / "models" / "org--tiny" / "tokenizer_config.json").read_bytes() == TINY["tokenizer_config.json"]
    hub.always = {}
    replaced = fetch(force=True)
    assert (holds(replaced, newer), replaced.manifest.commit) == (True, commit)
    assert [path.name for path in (home / "models").iterdir()] == ["org--tiny"]


def test_files_that_are_alike_or_empty_are_told_apart(hub: HubServer, home: Path) -> None:
    files = {**TINY, "LICENSE": b"", "NOTICE": b"", "LICENSE-MODEL": b"same", "USE_POLICY.md": b"same"}
    hub.add("org/tiny", files)
    hub.always[WEIGHTS] = Fault(status=404)
    with pytest.raises(HubError):
        fetch()
    for name in ("NOTICE", "USE_POLICY.md"):
        (home / "models" / ".org--tiny.part" / name).unlink()
    (home / "models" / ".org--tiny.part" / "LICENSE").write_text("longer than it should be")
    hub.always = {}
    assert holds(fetch(), files)


def test_what_was_not_pulled_is_not_replaced(hub: HubServer, home: Path) -> None:
    hub.add("org/tiny", TINY)
    folder = home / "models" / "org--tiny"
    folder.mkdir(parents=True)
    (folder / "mine").write_text("mine")
    with pytest.raises(UsageError, match="is here, but was not pulled") as caught:
        fetch()
    assert caught.value.remedy.endswith("sampan pull org/tiny --force")
    assert (folder / "mine").exists()


def test_another_revision_is_not_taken_for_this_one(hub: HubServer) -> None:
    old = hub.add("org/tiny", {**TINY, "README.md": b"old"})
    new = hub.add("org/tiny", {**TINY, "README.md": b"new"})
    assert fetch(f"org/tiny@{old}").manifest.commit == old
    assert fetch(f"org/tiny@{old}").fetched == 0
    with pytest.raises(UsageError, match=f"from revision {old}, not {new}") as caught:
        fetch("org/tiny", revision=new)
    assert caught.value.remedy == f"replace it: sampan pull org/tiny@{new} --force"


LIES: list[Any] = [
    [],
    {"siblings": "none"},
    {"siblings": ["config.json"]},
    {"siblings": [{"rfilename": "../../.bashrc", "size": 1, "blobId": "0" * 40}]},
    {"siblings": [{"rfilename": "/etc/passwd", "size": 1, "blobId": "0" * 40}]},
    {"siblings": [{"rfilename": "a/../b", "size": 1, "blobId": "0" * 40}]},
    {"siblings": [{"rfilename": "a\\b", "size": 1, "blobId": "0" * 40}]},
    {"siblings": [{"rfilename": "config.json\u202e", "size": 1, "blobId": "0" * 40}]},
    {"siblings": [{"rfilename": "config.json", "size": -1, "blobId": "0" * 40}]},
    {"siblings": [{"rfilename": "config.json", "size": 1e30, "blobId": "0" * 40}]},
    {"siblings": [{"rfilename": "config.json", "size": 10**14, "blobId": "0" * 40}]},
    {"siblings": [{"rfilename": "config.json", "size": 1, "blobId": "0" * 40}] * 2},
    {"siblings": [{"rfilename": f"{i}", "size": 1, "blobId": "0" * 40} for i in range(20_001)]},
]


@pytest.mark.parametrize("listing", LIES, ids=range(len(LIES)))
def test_a_listing_that_lies_is_refused(hub: HubServer, home: Path, listing: Any) -> None:
    hub.listing = listing
    with pytest.raises(HubError, match="the hub lists"):
        fetch()
    assert not list((home / "models").glob("*"))


def test_a_file_without_a_hash_is_not_taken(hub: HubServer) -> None:
    names = ("config.json", WEIGHTS)
    hub.listing = {"siblings": [{"rfilename": name, "size": 5, "blobId": "short"} for name in names]}
    with pytest.raises(HubError, match=r"states no hash of config\.json"):
        fetch()


def test_spans_are_shared_out_and_bounded() -> None:
    file = span.RemoteFile("w", 100 * PIECE_BYTES + 1, "0" * 64, "")
    assert span.most_bytes(file.size, file, 1) == file.size
    assert span.most_bytes(file.size, file, 4) == file.size // 16
    assert span.most_bytes(10**12, file, 8) == 64 * PIECE_BYTES
    here = {2 * PIECE_BYTES, 100 * PIECE_BYTES}
    spans = span.missing_spans(file, here, 3 * PIECE_BYTES)
    assert [(s.begin, s.end) for s in spans[:2]] == [(0, 2 * PIECE_BYTES), (3 * PIECE_BYTES, 6 * PIECE_BYTES)]
    assert sum(s.end - s.begin for s in spans) == file.size - PIECE_BYTES - 1
