"""A model hub on this machine: the protocols of Hugging Face and ModelScope, a CDN on another port, and faults.

Large files lie on the CDN, to which the hub redirects with a signed address; small ones are sent by the hub itself,
behind a relative redirect. Every request is kept, and every byte of a body is counted.
"""

from __future__ import annotations

import hashlib
import json
import re
import socket
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

LARGE = 100_000  # bytes from which a file is kept in LFS
CHUNK = 1 << 16


@dataclass
class Fault:
    """What goes wrong with one answer that sends a file.

    Args:
        cut: the connection breaks after so many bytes of the body.
        flip: the byte at this place of the file is another one.
        status, headers: sent instead of the file.
        rate: bytes a second.
        lie: what Content-Length and Content-Range say of the file's size.
        whole: the range is not honoured.
    """

    cut: int | None = None
    flip: int | None = None
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    rate: float = 0.0
    lie: int | None = None
    whole: bool = False


@dataclass
class Repository:
    """Revisions by name; each a commit and files by path."""

    revisions: dict[str, str]
    files: dict[str, dict[str, bytes]]  # by commit
    gated: bool = False

    def at(self, revision: str) -> dict[str, bytes] | None:
        return self.files.get(self.revisions.get(revision, revision))


@dataclass(frozen=True)
class Seen:
    """One request."""

    server: str  # hub or cdn
    path: str
    headers: dict[str, str]


@cache
def sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def commit_of(files: dict[str, bytes]) -> str:
    return hashlib.sha1(repr(sorted((p, sha256_of(d)) for p, d in files.items())).encode()).hexdigest()


class HubServer:
    """Both servers, in threads. `faults` has those of a file by its path; each is used once, but the last of a path in
    `always` for ever."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.seen: list[Seen] = []
        self.sent: Counter[str] = Counter()
        self.faults: defaultdict[str, list[Fault]] = defaultdict(list)
        self.always: dict[str, Fault] = {}
        self.listing: Any = None  # sent instead of a true one
        self.token = "hf_secret"
        self._lock = threading.Lock()
        self._servers = [_Server(self, name) for name in ("hub", "cdn")]

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._servers[0].server_port}"

    @property
    def cdn(self) -> str:
        return f"http://127.0.0.1:{self._servers[1].server_port}"

    @property
    def total_sent(self) -> int:
        return sum(self.sent.values())

    def add(self, name: str, files: dict[str, bytes], *, gated: bool = False) -> str:
        """Makes a repository, or a newer commit of its main branch, and returns the commit."""
        commit = commit_of(files)
        repository = self.repositories.setdefault(name, Repository({}, {}, gated))
        repository.revisions |= {"main": commit, "master": commit}
        repository.files[commit] = files
        return commit

    def count(self, path: str, num_bytes: int) -> None:
        """Before they are sent, so that whoever has them finds them counted."""
        with self._lock:
            self.sent[path] += num_bytes

    def requests(self, server: str) -> list[Seen]:
        return [seen for seen in self.seen if seen.server == server]

    def __enter__(self) -> HubServer:
        for server in self._servers:
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, hub: HubServer, name: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.hub, self.name = hub, name

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that left is no error."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on stderr."""

    def do_GET(self) -> None:
        hub, address = self.server.hub, urlsplit(self.path)
        path, query = unquote(address.path), {name: values[0] for name, values in parse_qs(address.query).items()}
        hub.seen.append(Seen(self.server.name, self.path, dict(self.headers)))
        if self.server.name == "cdn":
            self.send_file(*self.find_blob(path.removeprefix("/blobs/")))
        elif match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/revision/(.+)", path):
            self.list_huggingface(match[1], match[2])
        elif match := re.fullmatch(r"/api/resolve-cache/models/([^/]+/[^/]+)/([0-9a-f]{40})/(.+)", path):
            self.send_file(match[3], hub.repositories[match[1]].files[match[2]][match[3]])
        elif match := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self.resolve(*match.groups(), relative=True)
        elif match := re.fullmatch(r"/api/v1/models/([^/]+/[^/]+)/repo/files", path):
            self.list_modelscope(match[1], query["Revision"])
        elif match := re.fullmatch(r"/api/v1/models/([^/]+/[^/]+)/repo", path):
            self.resolve(match[1], query["Revision"], query["FilePath"], relative=False)
        else:
            self.refuse(404)

    def refuse(self, status: int, code: str = "") -> None:
        body = json.dumps({"error": code or "no"}).encode()
        headers = {"X-Error-Code": code} if code else {}
        self.answer(status, {**headers, "Content-Length": str(len(body))}, body)

    def answer(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def send_json(self, value: Any) -> None:
        body = json.dumps(value).encode()
        self.answer(200, {"Content-Type": "application/json", "Content-Length": str(len(body))}, body)

    def list_huggingface(self, name: str, revision: str) -> None:
        repository = self.server.hub.repositories.get(name)
        if self.server.hub.listing is not None:
            self.send_json(self.server.hub.listing)
        elif repository is None:
            self.refuse(401, "RepoNotFound")  # as for one that is private
        elif (files := repository.at(revision)) is None:
            self.refuse(404, "RevisionNotFound")
        else:
            siblings = [_sibling(path, data) for path, data in files.items()]
            self.send_json({"id": name, "sha": repository.revisions.get(revision, revision), "siblings": siblings})

    def list_modelscope(self, name: str, revision: str) -> None:
        repository = self.server.hub.repositories.get(name)
        if repository is None:
            self.refuse(404)
            return
        files = repository.at(revision)
        commit = repository.revisions.get(revision, revision)
        entries = [{"Path": "folder", "Type": "tree", "Size": 0}]
        for path, data in (files or {}).items():
            sha256 = sha256_of(data)
            entries.append({"Path": path, "Type": "blob", "Size": len(data), "Sha256": sha256, "Revision": commit})
        latest = {"Id": "", "ShortId": commit[:8]}
        data = {"Files": entries if files is not None else None, "LatestCommitter": latest}
        self.send_json({"Code": 200, "Success": True, "Data": data})

    def resolve(self, name: str, revision: str, path: str, *, relative: bool) -> None:
        hub = self.server.hub
        repository = hub.repositories.get(name)
        data = (repository.at(revision) or {}).get(path) if repository is not None else None
        if repository is None or data is None:
            self.refuse(404, "EntryNotFound")
        elif repository.gated and self.headers.get("Authorization") != f"Bearer {hub.token}":
            self.refuse(401, "GatedRepo")
        elif len(data) >= LARGE:
            sha256 = sha256_of(data)
            location = f"{hub.cdn}/blobs/{sha256}?signature={time.time_ns()}"
            linked = {"X-Linked-ETag": f'"{sha256}"', "X-Linked-Size": str(len(data))}
            self.answer(302, {"Location": location, "Content-Length": "0", **linked})
        elif relative:
            commit = repository.revisions.get(revision, revision)
            location = f"/api/resolve-cache/models/{name}/{commit}/{path}"
            self.answer(307, {"Location": location, "Content-Length": "0"})
        else:
            self.send_file(path, data)

    def find_blob(self, sha256: str) -> tuple[str, bytes]:
        for repository in self.server.hub.repositories.values():
            for files in repository.files.values():
                for path, data in files.items():
                    if len(data) >= LARGE and sha256_of(data) == sha256:
                        return path, data
        raise AssertionError(sha256)

    def send_file(self, path: str, data: bytes) -> None:
        hub = self.server.hub
        fault = hub.faults[path].pop(0) if hub.faults[path] else hub.always.get(path, Fault())
        if fault.status:
            self.answer(fault.status, {"Content-Length": "0", **fault.headers})
            return
        if fault.flip is not None:
            data = data[: fault.flip] + bytes([data[fault.flip] ^ 1]) + data[fault.flip + 1 :]
        size = len(data) if fault.lie is None else fault.lie
        match = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if match and not fault.whole:
            begin, end = int(match[1]), int(match[2]) + 1
            headers = {"Content-Range": f"bytes {begin}-{end - 1}/{size}", "Content-Length": str(end - begin)}
            status, body = 206, data[begin:end]
        else:
            status, headers, body = 200, {"Content-Length": str(size)}, data
        self.answer(status, {"Accept-Ranges": "bytes", **headers})
        self.send_body(path, body if fault.cut is None else body[: fault.cut], fault.rate)
        if fault.cut is not None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    def send_body(self, path: str, body: bytes, rate: float) -> None:
        for begin in range(0, len(body), CHUNK):
            chunk = body[begin : begin + CHUNK]
            self.server.hub.count(path, len(chunk))
            self.wfile.write(chunk)
            if rate:
                time.sleep(len(chunk) / rate)


def _sibling(path: str, data: bytes) -> dict[str, Any]:
    blob = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
    sibling: dict[str, Any] = {"rfilename": path, "size": len(data), "blobId": blob}
    if len(data) >= LARGE:
        pointer = {"sha256": sha256_of(data), "size": len(data), "pointerSize": 134}
        sibling = {**sibling, "blobId": "0" * 40, "lfs": pointer}
    return sibling
