"""Pulls a model: list, select, check the disk, fetch into a folder beside, verify, rename."""

from __future__ import annotations

import errno
import json
import shutil
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol

from sampan.checkpoint.local.license import stated_license
from sampan.checkpoint.local.manifest import MANIFEST_FILE, FileRecord, Manifest, read_manifest, write_manifest
from sampan.checkpoint.local.resolve import models_home
from sampan.config import ModelConfig
from sampan.errors import CheckpointError, ConfigError, HubError, SampanError, UsageError
from sampan.hub.listing import Listing, RemoteFile
from sampan.hub.order import Order
from sampan.hub.patience import patiently
from sampan.hub.pieces import JOURNAL_FILE, Journal, check_pieces
from sampan.hub.publish import part_folder, publish, restore
from sampan.hub.refusal import explain, no_revision
from sampan.hub.selection import CONFIG_FILE, README_FILE, is_weights, select_files
from sampan.hub.transfer import Fetching, Transfer
from sampan.hub.web import RefusalError, Web
from sampan.quant.turns import my_turn

MAX_LISTING_BYTES = 32_000_000
SPARE_BYTES = 100_000_000  # that are left free on the disk
CONNECTIONS = 8

Report = Callable[[str, int, int], None]


class Plan(NamedTuple):
    """What a pull is about to do: bytes in all, and those that are not here yet. `moved_from` is the commit of an
    unfinished download that the repository has left behind; its files that are still the same are kept."""

    order: Order
    commit: str
    total: int
    missing: int
    moved_from: str


class Terms(NamedTuple):
    """What is known before any weights are fetched. `config` is None for a GGUF file, which has it inside."""

    license: str
    config: ModelConfig | None
    missing: int


class Observer(Protocol):
    """Whom a pull tells what it does."""

    def waits(self) -> None:
        """Again and again while another process pulls the same model."""

    def begins(self, plan: Plan) -> None:
        """Once it is known what is to be fetched."""

    def learns(self, terms: Terms) -> None:
        """Once the small files are here."""

    def reports(self, what: str, done: int, total: int) -> None:
        """What is being done, and how many bytes of how many are."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """A model that is here. `fetched` counts the bytes that came for it now: 0 where all was here."""

    folder: Path
    manifest: Manifest
    fetched: int


def pull(
    order: Order, observer: Observer, *, connections: int = CONNECTIONS, force: bool = False, offline: bool = False
) -> Pulled:
    """Fetches a model into `SAMPAN_HOME/models`, or finds it there. A pull that was stopped goes on where it was.

    Args:
        connections: at the same time.
        force: fetch what the hub has now, and put it in the place of what is here.
        offline: open no connection.

    Raises:
        UsageError: there is no such model, it is not one that Sampan reads, or another one has its name.
        HubError: the hub cannot be reached, refuses, or sends something else than it states.
        SampanError: the disk is full.
    """
    folder = models_home() / order.name
    if not force and (here := _found(order, folder)) is not None:
        return here
    if offline:
        remedy = f"copy its folder to {folder}, or pull it without --offline and SAMPAN_OFFLINE"
        raise UsageError(f"{order.name} is not on this machine, and --offline forbids to fetch it", remedy=remedy)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with my_turn(folder, observer.waits):
            restore(folder)
            if not force and (here := _found(order, folder)) is not None:
                return here
            return _Pull(order, observer, folder, connections).run()
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        remedy = "free some space, then run the same command again: what has come is kept"
        raise SampanError(f"the disk of {folder.parent} is full", remedy=remedy) from error


def _found(order: Order, folder: Path) -> Pulled | None:
    """What is here already. Raises UsageError: it is something else of that name."""
    if not folder.exists():
        return None
    again = f"sampan pull {order.wanted}{f'@{order.wanted.revision}' if order.wanted.revision else ''} --force"
    manifest = read_manifest(folder)
    if manifest is None:
        raise UsageError(f"{folder} is here, but was not pulled", remedy=f"use it as it is, or replace it: {again}")
    if order.entry is None and manifest.repository != order.wanted.repository:
        raise UsageError(f"{folder} holds {manifest.repository}", remedy=f"rename that folder, or replace it: {again}")
    if order.wanted.revision not in ("", manifest.revision, manifest.commit):
        what = f"{order.name} is here from revision {manifest.revision}, not {order.wanted.revision}"
        raise UsageError(what, remedy=f"replace it: {again}")
    return Pulled(folder, manifest, 0)


class _Pull:
    """One pull, while no other process pulls the same."""

    def __init__(self, order: Order, observer: Observer, folder: Path, connections: int) -> None:
        self._order, self._observer, self._connections = order, observer, connections
        self._folder, self._part = folder, part_folder(folder)
        self._web = Web(order.hub.endpoint, order.private)
        self._arrived = 0

    def run(self) -> Pulled:
        listing = self._listing()
        files = select_files(self._order.wanted, listing.files)
        self._part.mkdir(exist_ok=True)
        with closing(Journal(self._part)) as journal:
            plan = self._plan(listing, files, journal)
            self._observer.begins(plan)
            self._check_disk(plan)
            transfer = Transfer(
                self._web,
                self._part,
                journal,
                url_of=partial(self._url_of, listing),
                explain=partial(explain, self._order),
                connections=self._connections,
            )
            small = [file for file in files if not is_weights(file)]
            verified = self._fetch(transfer, small, plan)
            terms = self._terms(plan.missing - self._arrived)
            self._observer.learns(terms)
            verified |= self._fetch(transfer, [file for file in files if is_weights(file)], plan)
        manifest = self._manifest(listing, files, verified, terms.license)
        publish(self._part, self._folder, manifest)
        return Pulled(self._folder, manifest, self._arrived)

    def _listing(self) -> Listing:
        hub, revision = self._order.hub, self._order.revision
        url = hub.listing_url(self._order.wanted.repository, revision)

        def ask() -> bytes:
            with self._web.get(url) as answer:
                return answer.read_all(MAX_LISTING_BYTES)

        try:
            listing = hub.read_listing(json.loads(patiently(ask, threading.Event())))
        except RefusalError as refusal:
            raise explain(self._order, refusal) from refusal
        except (ValueError, RecursionError) as error:
            raise HubError(f"{hub.endpoint} answers with no JSON", remedy="check that it is a hub's address") from error
        if listing is None:
            raise no_revision(self._order)
        return listing

    def _plan(self, listing: Listing, files: Sequence[RemoteFile], journal: Journal) -> Plan:
        """Also keeps in the folder only what belongs there, and says in it what it is to become."""
        for file in files:
            if not file.sha256 and not file.git_sha1:
                raise HubError(f"the hub states no hash of {file.path}", remedy="try another --source")
        before = _read_draft(self._part)
        draft = self._manifest(listing, files, {file.name: file.sha256 for file in files}, "")
        write_manifest(self._part, replace(draft, pulled=""))
        kept = {file.name for file in files} | {MANIFEST_FILE, JOURNAL_FILE}
        for path in self._part.iterdir():
            if path.name not in kept:
                path.unlink()
        here = check_pieces(self._part, files, journal, partial(self._observer.reports, "Checking what is here"))
        total = sum(file.size for file in files)
        is_same = before is not None and (before.source, before.revision) == (draft.source, draft.revision)
        has_moved = is_same and before is not None and before.commit != draft.commit
        return Plan(
            self._order, listing.commit, total, total - here, before.commit if before is not None and has_moved else ""
        )

    def _check_disk(self, plan: Plan) -> None:
        free = shutil.disk_usage(self._part).free
        if plan.missing + SPARE_BYTES > free:
            if plan.missing == plan.total:
                shutil.rmtree(self._part)
            what = f"{plan.missing / 1e9:.2f} GB are to come, but {self._part.parent} has {free / 1e9:.2f} GB free"
            raise SampanError(what, remedy="free some space, or let SAMPAN_HOME name a larger disk")

    def _url_of(self, listing: Listing, file: RemoteFile) -> str:
        commit = listing.commit or self._order.revision
        return self._order.hub.file_url(self._order.wanted.repository, commit, file.path)

    def _fetch(self, transfer: Transfer, files: Sequence[RemoteFile], plan: Plan) -> dict[str, str]:
        before, fetching = self._arrived, Fetching(transfer, files)
        here = plan.total - plan.missing

        def watch() -> None:
            self._arrived = before + fetching.arrived
            self._observer.reports("Fetching", min(here + self._arrived, plan.total), plan.total)

        fetching.run(watch)
        watch()
        return fetching.verified

    def _terms(self, missing: int) -> Terms:
        """Raises CheckpointError, ConfigError: it is not a model that Sampan runs, so nothing more is fetched."""
        entry = self._order.entry
        terms = entry.license_notice if entry is not None else stated_license(self._part / README_FILE)
        if not (self._part / CONFIG_FILE).exists():
            return Terms(terms, None, missing)
        try:
            return Terms(terms, ModelConfig.from_file(self._part / CONFIG_FILE), missing)
        except (CheckpointError, ConfigError) as error:
            shutil.rmtree(self._part)
            what = error.message.replace(str(self._part / CONFIG_FILE), f"{self._order.wanted}: {CONFIG_FILE}")
            raise type(error)(what, remedy=error.remedy) from error

    def _manifest(
        self, listing: Listing, files: Sequence[RemoteFile], sha256: dict[str, str], license_name: str
    ) -> Manifest:
        return Manifest(
            source=self._order.hub.source,
            endpoint=self._order.hub.endpoint,
            repository=self._order.wanted.repository,
            revision=self._order.revision,
            commit=listing.commit,
            license=license_name,
            pulled=datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            files={file.name: FileRecord(file.size, sha256[file.name]) for file in files},
        )


def _read_draft(part: Path) -> Manifest | None:
    try:
        return read_manifest(part)
    except CheckpointError:
        return None
