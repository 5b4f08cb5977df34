"""The tokenizer, template and advice inside a GGUF file, unpacked once into a folder that every process can read."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from sampan.checkpoint import GgufCheckpoint, sampan_home
from sampan.errors import CheckpointError
from sampan.text.gguf_vocabulary import tokenizer_files


def unpack_texts(checkpoint: GgufCheckpoint) -> Path:
    """The folder, under `sampan_home()/gguf`; its name follows from its content, so files with the same tokenizer share
    it.

    Raises:
        TokenizerError: the file's tokenizer cannot be read.
        CheckpointError: the folder cannot be written.
    """
    files = tokenizer_files(checkpoint.keys, str(checkpoint.path))
    digest = hashlib.sha256(json.dumps(files, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()[:32]
    folder = sampan_home() / "gguf" / digest
    if folder.is_dir():
        return folder
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
