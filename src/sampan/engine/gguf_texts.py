"""The tokenizer, template and advice inside a GGUF file, unpacked once into a folder that every process can read."""

from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import msgspec

from sampan.checkpoint import GgufCheckpoint, sampan_home
from sampan.errors import CheckpointError
from sampan.text.gguf_vocabulary import tokenizer_files

FORM = 1  # of the files; another one makes folders anew


def unpack_texts(checkpoint: GgufCheckpoint) -> Path:
    """The folder, under `sampan_home()/gguf`. Its name follows from the file's keys for the tokenizer: files with the
    same one share it, and what it holds is made once.

    Raises:
        TokenizerError: the file's tokenizer cannot be read.
        CheckpointError: the folder cannot be written.
    """
    keys = sorted((name, value) for name, value in checkpoint.keys.items() if name.startswith("tokenizer."))
    digest = hashlib.sha256(msgspec.msgpack.encode([FORM, keys])).hexdigest()[:32]
    folder = sampan_home() / "gguf" / digest
    if folder.is_dir():
        return folder
    files = tokenizer_files(checkpoint.keys, str(checkpoint.path))
    temporary = folder.with_name(f".{digest}.{uuid4().hex}.tmp")
    try:
        temporary.mkdir(parents=True)
        for name, content in files.items():
            (temporary / name).write_text(content, encoding="utf-8")
        with suppress(OSError):  # another process was faster
            os.rename(temporary, folder)
    except OSError as error:
        raise CheckpointError(
            f"{folder.parent} cannot be written: {error.strerror}", remedy="point SAMPAN_HOME to a folder that can"
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder
