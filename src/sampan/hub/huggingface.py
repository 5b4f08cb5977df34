"""Hugging Face's protocol, which its mirrors speak too.

A listing (`/api/models/{id}/revision/{revision}?blobs=true`) has sizes, the SHA-256 of files in LFS and git's SHA-1 of
the others. A file (`/{id}/resolve/{commit}/{path}`) is a redirect: to a CDN, or to an address of the hub itself. See
https://huggingface.co/docs/hub/api.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from sampan.hub.listing import Listing, bad_listing, entries_of, make_listing, read_file


@dataclass(frozen=True, slots=True)
class HuggingFace:
    """See `Hub`."""

    endpoint: str = "https://huggingface.co"
    source: str = "huggingface"
    default_revision: str = "main"
    token_variable: str = "HF_TOKEN"

    def headers(self, token: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {token}"}

    def page(self, repository: str) -> str:
        return f"{self.endpoint}/{repository}"

    def listing_url(self, repository: str, revision: str) -> str:
        return f"{self.endpoint}/api/models/{repository}/revision/{quote(revision, safe='')}?blobs=true"

    def read_listing(self, answer: Any) -> Listing | None:
        if not isinstance(answer, dict):
            raise bad_listing("no files")
        files = []
        for entry in entries_of(answer.get("siblings")):
            lfs = entry.get("lfs")
            sha256 = lfs.get("sha256") if isinstance(lfs, dict) else None
            files.append(read_file(entry.get("rfilename"), entry.get("size"), sha256, entry.get("blobId")))
        return make_listing(answer.get("sha"), files)

    def file_url(self, repository: str, revision: str, path: str) -> str:
        return f"{self.endpoint}/{repository}/resolve/{quote(revision, safe='')}/{quote(path)}"
