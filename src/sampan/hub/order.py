"""From what a user asks for to one hub, one repository, and the name that it gets here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from sampan.checkpoint.local.hub_id import HubId, is_gguf_path, parse_hub_id
from sampan.errors import UnknownModelError, UsageError
from sampan.hub.base import Hub
from sampan.hub.huggingface import HuggingFace
from sampan.hub.modelscope import ModelScope
from sampan.zoo import ZooEntry, find, shown

HUBS: Mapping[str, type[HuggingFace] | type[ModelScope]] = {"huggingface": HuggingFace, "modelscope": ModelScope}
ADDRESS_VARIABLES = {"huggingface": "HF_ENDPOINT", "modelscope": "MODELSCOPE_DOMAIN"}  # of the hubs' own tools
MIRROR_TOKEN = "SAMPAN_HUB_TOKEN"
LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be pulled, and from where.

    Args:
        name: of its folder here.
        entry: of the zoo; None for any other model.
        private: headers that prove who asks; only the hub's own address gets them.
    """

    hub: Hub
    wanted: HubId
    name: str
    entry: ZooEntry | None
    private: Mapping[str, str]

    @property
    def revision(self) -> str:
        """What was asked for, or the hub's default."""
        return self.wanted.revision or self.hub.default_revision


def make_order(
    model: str, *, source: str = "huggingface", endpoint: str = "", revision: str = "", file: str = ""
) -> Order:
    """Settles what is asked for.

    Args:
        model: a name of the zoo, `org/repo` or `org/repo/file.gguf`, with or without `@revision`.
        source: `huggingface`, `modelscope`, or the address of a mirror of Hugging Face.
        endpoint: the hub's address; empty takes the one that its own tools would take.
        revision, file: as in `model`, said apart.

    Raises:
        UsageError: a value cannot be used. UnknownModelError: there is no such name.
    """
    hub = _choose_hub(source, endpoint)
    wanted, entry = _find(model, hub.source)
    if revision and wanted.revision not in ("", revision):
        raise UsageError(f"{model} and --revision {revision} differ", remedy="give the revision once")
    if file and (not is_gguf_path(file) or wanted.file not in ("", file)):
        raise UsageError(f"--file {shown(file)} is no GGUF file of {model}", remedy="write org/repo/file.gguf")
    wanted = wanted._replace(revision=revision or wanted.revision, file=file or wanted.file)
    if wanted.revision and parse_hub_id(f"{wanted.repository}@{wanted.revision}") is None:
        raise UsageError(f"{shown(wanted.revision)} is no revision", remedy="give a branch, a tag or a commit")
    if wanted.file:
        entry = None  # another form of a model of the zoo has a name of its own
    return Order(hub, wanted, wanted.name if entry is None else entry.name, entry, _private(hub, source, endpoint))


def _find(model: str, source: str) -> tuple[HubId, ZooEntry | None]:
    name, at, revision = model.partition("@")
    try:
        entry = find(name)
    except UnknownModelError as error:
        wanted = parse_hub_id(model)
        if wanted is None and "/" in model:
            raise UsageError(
                f"{shown(model)} is no model of a hub", remedy="write org/repo, org/repo@revision or org/repo/file.gguf"
            ) from error
        if wanted is None:
            raise
        return wanted, None
    if entry.is_embedded:
        raise UsageError(f"{entry.name} comes with Sampan", remedy=f"use it: sampan chat {entry.name}")
    repository = entry.modelscope_id if source == "modelscope" else entry.huggingface_id
    wanted = parse_hub_id(f"{repository}{at}{revision}")
    if wanted is None:
        raise UsageError(f"{shown(revision)} is no revision", remedy="give a branch, a tag or a commit")
    return wanted, entry


def _choose_hub(source: str, endpoint: str) -> Hub:
    is_address = "://" in source
    if not is_address and source not in HUBS:
        raise UsageError(f"unknown source {shown(source)}", remedy=f"choose from {', '.join(HUBS)}, or give an address")
    kind = "huggingface" if is_address else source
    address = endpoint or (source if is_address else os.environ.get(ADDRESS_VARIABLES[kind], ""))
    if not address:
        return HUBS[kind]()
    if "://" not in address:
        address = f"https://{address}"
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
        raise UsageError(f"{shown(address)} is no address of a hub", remedy="write it as https://hf-mirror.com")
    return HUBS[kind](address.rstrip("/"))


def _private(hub: Hub, source: str, endpoint: str) -> Mapping[str, str]:
    """A token goes where the hub's own tools send it; a mirror that Sampan alone was told of has a token of its own,
    and nothing is sent where others could read along."""
    is_mirror = bool(endpoint) or "://" in source
    token = os.environ.get(MIRROR_TOKEN if is_mirror else hub.token_variable, "").strip()
    parts = urlsplit(hub.endpoint)
    if not token or (parts.scheme != "https" and parts.hostname not in LOOPBACK):
        return {}
    if not (token.isascii() and token.isprintable()):
        raise UsageError(f"the token in {hub.token_variable} has characters that none has", remedy="copy it again")
    return hub.headers(token)
