"""Whether a file is what the hub says that it is."""

from __future__ import annotations

import hashlib
from pathlib import Path

from sampan.hub.listing import RemoteFile

READ_BYTES = 4 << 20


def verified_sha256(path: Path, file: RemoteFile) -> str | None:
    """SHA-256 of the file's content; None where that is not the one that the hub states.

    Files that a hub keeps in git itself are stated by git's own hash: SHA-1 over `blob`, the size, a zero byte and the
    content (Pro Git, 10.2).
    """
    sha256, blob = hashlib.sha256(), hashlib.sha1(b"blob %d\0" % file.size, usedforsecurity=False)
    with path.open("rb", buffering=0) as stream:
        while data := stream.read(READ_BYTES):
            sha256.update(data)
            if not file.sha256:
                blob.update(data)
    stated, found = (file.sha256, sha256) if file.sha256 else (file.git_sha1, blob)
    return sha256.hexdigest() if found.hexdigest() == stated else None
