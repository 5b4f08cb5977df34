"""Licences as repositories state them."""

from __future__ import annotations

from pathlib import Path

import pytest

from sampan.checkpoint.local.license import stated_license


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        ("---\nlicense: mit\nlibrary_name: transformers\n---\n# DeepSeek", "mit"),
        ("---\r\ntags: []\r\nlicense: llama3.1\r\n---\r\n", "llama3.1"),
        ("---\nlicense: other\nlicense_name: qwen\nlicense_link: x\n---", "qwen"),
        ("\ufeff---\nlicense: 'Apache License 2.0'\n---", "Apache License 2.0"),
        ("---\nlicense:\n- apache-2.0\n---", "apache-2.0"),
        ("---\nlanguage: zh\n---\nlicense: mit", ""),
        ("# Title\nlicense: mit\n", ""),
        ("---\nlicense: \x1b[31mred\n---", ""),
    ],
)
def test_the_head_of_a_readme(tmp_path: Path, text: str, stated: str) -> None:
    (tmp_path / "README.md").write_text(text, encoding="utf-8", newline="")
    assert stated_license(tmp_path / "README.md") == stated


def test_no_readme_states_nothing(tmp_path: Path) -> None:
    assert stated_license(tmp_path / "README.md") == ""
    (tmp_path / "README.md").write_bytes(b"\xff\x00" * 100_000)
    assert stated_license(tmp_path / "README.md") == ""
