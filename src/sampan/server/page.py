"""The built-in chat page: the files of `sampan/apps/web`, served as they are.

The page is a client like any other. It speaks to the API over HTTP with the key that its user enters, so its files hold
no secret and need no key. Its URLs are relative: it works below any path of a reverse proxy.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources
from importlib.abc import Traversable

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

ENTRY = "index.html"
MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

# Nothing but the page's own files runs, and it talks to nobody but this server. Text becomes markup nowhere: with
# Trusted Types, a browser that knows them refuses `innerHTML` and its like altogether.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
HEADERS = {
    "cache-control": "no-cache",  # may be kept, but is asked for each time: a new version is seen at once
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",  # for browsers that do not know frame-ancestors
}


@dataclass(frozen=True, slots=True)
class PageFile:
    """A file in memory."""

    content: bytes
    media_type: str
    etag: str

    @classmethod
    def read(cls, path: Traversable, media_type: str) -> PageFile:
        content = path.read_bytes()
        return cls(content, media_type, f'"{hashlib.sha256(content).hexdigest()[:32]}"')

    def response(self, known_etags: str) -> Response:
        """The file, or that nothing has changed for a client that knows its tag (RFC 9110, section 13.1.2)."""
        headers = {**HEADERS, "etag": self.etag}
        tags = [tag.strip().removeprefix("W/") for tag in known_etags.split(",")]
        if self.etag in tags or tags == ["*"]:
            return Response(status_code=304, headers=headers)
        return Response(self.content, headers=headers, media_type=self.media_type)


def page_routes() -> APIRouter:
    """`GET /`, and `GET /page/...` for the files that it wants. All are read once, here."""
    router = APIRouter(include_in_schema=False)
    files = _read_folder(resources.files("sampan") / "apps" / "web")

    @router.get("/")  # HEAD is how Ollama's clients look for a server, see `sampan.server.ollama`
    async def page(http: Request) -> Response:
        return files[ENTRY].response(http.headers.get("if-none-match", ""))

    @router.api_route("/page/{name:path}", methods=["GET", "HEAD"])
    async def page_file(http: Request, name: str) -> Response:
        if name not in files:
            raise HTTPException(404)
        return files[name].response(http.headers.get("if-none-match", ""))

    return router


def _read_folder(folder: Traversable, prefix: str = "") -> dict[str, PageFile]:
    """Files by their path below the page's folder."""
    files: dict[str, PageFile] = {}
    for path in folder.iterdir():
        suffix = f".{path.name.rpartition('.')[2]}"
        if path.is_dir():
            files |= _read_folder(path, f"{prefix}{path.name}/")
        elif suffix in MEDIA_TYPES:
            files[prefix + path.name] = PageFile.read(path, MEDIA_TYPES[suffix])
    return files
