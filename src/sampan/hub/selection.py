"""Which files of a repository a model needs: weights in one form, what describes them, and the terms.

Only names from this page are taken. Pickles (`.bin`, `.pt`) never are: a pickle is a program.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sampan.checkpoint.local.hub_id import HubId
from sampan.checkpoint.local.manifest import MANIFEST_FILE
from sampan.errors import UsageError
from sampan.hub.listing import RemoteFile

CONFIG_FILE = "config.json"
README_FILE = "README.md"
TERMS = re.compile(r"(LICEN[CS]E|NOTICE|USE_POLICY|COPYING)[\w.-]{0,40}", re.IGNORECASE)
TEXTS = re.compile(
    r"(config|generation_config|tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab|chat_template"
    r"|quantize_config|quant_config|quantization_config)\.json|merges\.txt|tokenizer\.model|chat_template\.jinja"
)
SHARD = re.compile(r"(?P<stem>[\w.-]+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.(safetensors|pdparams|gguf)")
WHOLE = ("model.safetensors", "model_state.pdparams")
INDEX = ("model.safetensors.index.json", "model_state.pdparams.index.json")
WEIGHTS = (".safetensors", ".pdparams", ".gguf")
PICKLES = (".bin", ".pt", ".pth", ".ckpt")
MAX_TEXT_BYTES = 100_000_000


def select_files(wanted: HubId, files: Sequence[RemoteFile]) -> list[RemoteFile]:
    """The files to fetch, small ones first; weights last.

    Raises:
        UsageError: the repository holds no model that Sampan reads; the remedy says what to do.
    """
    top = {file.path: file for file in files if "/" not in file.path and file.path != MANIFEST_FILE}
    terms = [file for name, file in top.items() if name == README_FILE or TERMS.fullmatch(name)]
    if wanted.file:
        return [*_small(terms), _gguf(wanted, files)]
    ggufs = [file for file in files if file.path.endswith(".gguf")]
    weights, index = _weights(top)
    if not weights and len(ggufs) == 1:
        return [*_small(terms), _gguf(wanted._replace(file=ggufs[0].path), files)]
    if not weights:
        raise _no_weights(wanted, top, ggufs)
    if CONFIG_FILE not in top:
        raise UsageError(f"{wanted} has no {CONFIG_FILE}", remedy="take a repository in Hugging Face's form")
    texts = [file for name, file in top.items() if TEXTS.fullmatch(name)]
    return [*_small([*terms, *texts, *index]), *sorted(weights, key=lambda file: file.path)]


def is_weights(file: RemoteFile) -> bool:
    """Whether it is one of the large files."""
    return file.name.endswith(WEIGHTS)


def _small(files: Sequence[RemoteFile]) -> list[RemoteFile]:
    return sorted((file for file in files if file.size <= MAX_TEXT_BYTES), key=lambda file: (file.size, file.path))


def _weights(top: dict[str, RemoteFile]) -> tuple[list[RemoteFile], list[RemoteFile]]:
    """One form of the weights, safetensors first, and its index."""
    for suffix, whole, index in zip((".safetensors", ".pdparams"), WHOLE, INDEX, strict=True):
        if index in top:
            shards = _complete_shards({name: file for name, file in top.items() if name.endswith(suffix)})
            if shards:
                return shards, [top[index]]
        if whole in top:
            return [top[whole]], []
    return [], []


def _complete_shards(files: dict[str, RemoteFile]) -> list[RemoteFile]:
    """Those of the set that is complete; of `model` if there are several."""
    sets: dict[tuple[str, int], list[RemoteFile]] = {}
    for name, file in files.items():
        match = SHARD.fullmatch(name)
        if match:
            sets.setdefault((match["stem"], int(match["count"])), []).append(file)
    complete = [shards for (stem, count), shards in sorted(sets.items(), reverse=True) if len(shards) == count]
    named = [shards for shards in complete if shards[0].path.startswith(("model-", "model_state-"))]
    return (named or complete or [[]])[0]


def _gguf(wanted: HubId, files: Sequence[RemoteFile]) -> RemoteFile:
    found = next((file for file in files if file.path == wanted.file), None)
    if found is None:
        ggufs = [file for file in files if file.path.endswith(".gguf")]
        raise UsageError(f"{wanted.repository} has no file {wanted.file}", remedy=_which(wanted, ggufs))
    if SHARD.fullmatch(found.name):
        remedy = "take a file that is whole, or merge the parts: llama-gguf-split --merge"
        raise UsageError(f"{found.path} is one part of several", remedy=remedy)
    return found


def _no_weights(wanted: HubId, top: dict[str, RemoteFile], ggufs: Sequence[RemoteFile]) -> UsageError:
    if ggufs:
        return UsageError(f"{wanted} holds {len(ggufs)} GGUF files", remedy=_which(wanted, ggufs))
    pickles = [name for name in top if name.endswith(PICKLES)]
    if pickles:
        what = f"{wanted} has its weights only as pickles ({pickles[0]}), which can run code"
        return UsageError(what, remedy="take a repository with .safetensors or .gguf files")
    return UsageError(
        f"{wanted} holds no weights that Sampan reads", remedy="take one with .safetensors or .gguf files"
    )


def _which(wanted: HubId, ggufs: Sequence[RemoteFile]) -> str:
    """Names the files, each as the command that fetches it."""
    if not ggufs:
        return f"sampan pull {wanted.repository} fetches the whole model"
    shown = sorted(ggufs, key=lambda file: file.size)[:6]
    return " or ".join(f"sampan pull {wanted.repository}/{file.path}" for file in shown)
