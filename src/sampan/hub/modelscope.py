"""ModelScope's protocol.

A listing (`/api/v1/models/{id}/repo/files?Revision=&Recursive=true`) has sizes and the SHA-256 of every file. An
unknown revision is no error there, but no list. The commit is told by its first digits (`LatestCommitter.ShortId`) and
by the files that it changed (`Revision`). A file (`/api/v1/models/{id}/repo?Revision=&FilePath=`) is sent, or a
redirect to where it lies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from sampan.hub.listing import Listing, bad_listing, entries_of, make_listing, read_file


@dataclass(frozen=True, slots=True)
class ModelScope:
    """See `Hub`."""

    endpoint: str = "https://www.modelscope.cn"
    source: str = "modelscope"
    default_revision: str = "master"
    token_variable: str = "MODELSCOPE_API_TOKEN"

    def headers(self, token: str) -> dict[str, str]:
        # Its older services know a token by the cookie alone.
        return {"Authorization": f"Bearer {token}", "Cookie": f"m_session_id={token}"}

    def page(self, repository: str) -> str:
        return f"{self.endpoint}/models/{repository}"

    def listing_url(self, repository: str, revision: str) -> str:
        query = urlencode({"Revision": revision, "Recursive": "true"})
        return f"{self.endpoint}/api/v1/models/{repository}/repo/files?{query}"

    def read_listing(self, answer: Any) -> Listing | None:
        data = answer.get("Data") if isinstance(answer, dict) else None
        if not isinstance(data, dict):
            raise bad_listing("no files")
        if not data.get("Files"):
            return None
        entries = [entry for entry in entries_of(data["Files"]) if entry.get("Type") != "tree"]
        files = [read_file(entry.get("Path"), entry.get("Size"), entry.get("Sha256"), None) for entry in entries]
        return make_listing(_commit(data.get("LatestCommitter"), entries), files)

    def file_url(self, repository: str, revision: str, path: str) -> str:
        query = urlencode({"Revision": revision, "FilePath": path})
        return f"{self.endpoint}/api/v1/models/{repository}/repo?{query}"


def _commit(latest: Any, entries: list[dict[str, Any]]) -> str:
    """The whole id of the latest commit; empty where it changed none of the files that are listed."""
    if not isinstance(latest, dict):
        return ""
    if isinstance(latest.get("Id"), str) and latest["Id"]:
        return str(latest["Id"])
    short = latest.get("ShortId")
    if not isinstance(short, str) or len(short) < 7:
        return ""
    commits = {revision for entry in entries if str(revision := entry.get("Revision")).startswith(short)}
    return str(commits.pop()) if len(commits) == 1 else ""
