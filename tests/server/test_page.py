"""The files of the chat page as they are served."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import sampan

WEB = Path(sampan.__file__).parent / "apps" / "web"
FILES = sorted(path.relative_to(WEB).as_posix() for path in WEB.rglob("*") if path.is_file())
TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


def test_the_page_is_at_the_root(ask) -> None:
    response = ask().get("/")
    assert response.status_code == 200
    assert response.content == (WEB / "index.html").read_bytes()


def test_each_file_has_its_type_and_is_asked_for_again(ask) -> None:
    asked = ask()
    for name in FILES:
        response = asked.get(f"/page/{name}")
        assert response.status_code == 200
        assert response.content == (WEB / name).read_bytes()
        assert response.headers["content-type"] == TYPES[name.rpartition(".")[2]]
        assert response.headers["cache-control"] == "no-cache"
        assert response.headers["x-content-type-options"] == "nosniff"


def test_scripts_and_connections_are_the_servers_own(ask) -> None:
    policy = ask().get("/").headers["content-security-policy"].split("; ")
    assert policy[:5] == [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data:",
    ]
    assert "frame-ancestors 'none'" in policy
    assert "require-trusted-types-for 'script'" in policy
    assert not [directive for directive in policy if "unsafe" in directive]


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*"])
def test_an_unchanged_file_is_not_sent_again(ask, form: str) -> None:
    asked = ask()
    etag = asked.get("/page/app.js").headers["etag"]
    response = asked.get("/page/app.js", headers={"if-none-match": form.format(etag)})
    assert (response.status_code, response.content) == (304, b"")
    assert response.headers["etag"] == etag
    assert "content-length" not in response.headers


def test_a_changed_file_is_sent(ask) -> None:
    assert ask().get("/page/app.js", headers={"if-none-match": '"old"'}).status_code == 200


def test_heads_can_be_asked_for(ask) -> None:
    for path in ("/", "/page/app.js"):
        assert ask().request("HEAD", path).status_code == 200


@pytest.mark.parametrize(
    "path", ["/page/", "/page/none.js", "/page/../app.py", "/page/%2e%2e/%2e%2e/server/app.py", "/page//etc/passwd"]
)
def test_there_is_nothing_else(ask, path: str) -> None:
    response = ask().get(path)
    assert response.status_code == 404
    assert response.json()["error"]["type"] == "NotFoundError"


def test_the_page_is_no_part_of_the_api(ask) -> None:
    assert [path for path in ask().get("/openapi.json").json()["paths"] if path == "/" or "page" in path] == []


def test_references_are_relative_and_lead_somewhere() -> None:
    """So the page works below any path, and asks nobody else for anything."""
    html = (WEB / "index.html").read_text(encoding="utf-8")
    links = re.findall(r'(?:href|src)="([^"#]+)"', html)
    assert links
    assert [link for link in links if link.removeprefix("page/") not in FILES] == []
    for name in FILES:
        text = (WEB / name).read_text(encoding="utf-8")
        assert not name.endswith(".css") or re.findall(r"url\(|@import", text) == []
        for target in re.findall(r'^import .* from "([^"]+)"', text, re.M):
            assert target.startswith(".")
            assert ((WEB / name).parent / target).is_file()


def test_nothing_parses_text_as_markup_or_code() -> None:
    scripts = "\n".join((WEB / name).read_text(encoding="utf-8") for name in FILES if name.endswith(".js"))
    assert re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", scripts) == []
    assert re.findall(r"<script>|<style>|\son\w+=|\sstyle=", (WEB / "index.html").read_text(encoding="utf-8")) == []


def test_both_languages_say_the_same_things_and_nothing_in_vain() -> None:
    text = (WEB / "words.js").read_text(encoding="utf-8")
    english, chinese = (
        dict(re.findall(r'^  (\w+): (".*"),$', table, re.M))
        for table in re.findall(r"const \w\w = \{(.*?)^\};", text, re.S | re.M)
    )
    assert list(english) == list(chinese)
    for key in english:
        assert sorted(re.findall(r"\{\w+\}", english[key])) == sorted(re.findall(r"\{\w+\}", chinese[key]))
    others = "".join((WEB / name).read_text(encoding="utf-8") for name in FILES if name != "words.js")
    made_up = ("error_", "theme_", "key_")  # put together from two parts
    assert [key for key in english if f'"{key}"' not in others and not key.startswith(made_up)] == []
