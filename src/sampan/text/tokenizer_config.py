"""What stands beside `tokenizer.json`: special tokens by role, the chat template, and the ids that end an answer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sampan.errors import CheckpointError, TokenizerError
from sampan.strict_json import FETCH_AGAIN, read_json_object

CONFIG_FILE = "tokenizer_config.json"
TEMPLATE_FILE = "chat_template.jinja"
GENERATION_FILE = "generation_config.json"
SPECIAL_TOKEN_ROLES = ("bos_token", "eos_token", "pad_token", "unk_token")
MAX_BYTES = 16 * 1024 * 1024
UNKNOWN_LENGTH = 10**9


@dataclass(frozen=True, slots=True)
class TokenizerConfig:
    """The parts of `tokenizer_config.json` and its neighbours that say how to use the tokenizer.

    Args:
        special_tokens: text of each role that is filled: `bos_token`, `eos_token`, `pad_token`, `unk_token`.
        add_bos_token: whether text gets a BOS in front; None leaves it to the tokenizer's own post-processor.
        chat_template: Jinja source, or None.
        eos_token_ids: ids of `generation_config.json`; empty where that file is absent or names none.
        model_max_length: tokens of the longest text that the model is made for; None where nobody says.
    """

    special_tokens: dict[str, str]
    add_bos_token: bool | None = None
    chat_template: str | None = None
    eos_token_ids: tuple[int, ...] = ()
    model_max_length: int | None = None

    @classmethod
    def from_dir(cls, path: Path) -> TokenizerConfig:
        """Reads the files of a model folder. A `chat_template.jinja` wins over the template in `tokenizer_config.json`.

        Raises:
            TokenizerError: `tokenizer_config.json` is absent, or a file is damaged; names it.
        """
        file = path / CONFIG_FILE
        data = _read_json(file)
        add_bos = data.get("add_bos_token")
        texts = {role: _token_text(data.get(role), role, file) for role in SPECIAL_TOKEN_ROLES}
        return cls(
            special_tokens={role: text for role, text in texts.items() if text is not None},
            add_bos_token=add_bos if isinstance(add_bos, bool) else None,
            chat_template=_read_template(path / TEMPLATE_FILE) or _default_template(data.get("chat_template"), file),
            eos_token_ids=_eos_ids(path / GENERATION_FILE),
            model_max_length=_length(data.get("model_max_length")),
        )


def _length(value: Any) -> int | None:
    """Hugging Face writes 10**30 where nothing is known."""
    return value if isinstance(value, int) and 0 < value < UNKNOWN_LENGTH else None


def _read_json(file: Path) -> dict[str, Any]:
    try:
        return read_json_object(file, MAX_BYTES)
    except CheckpointError as error:
        raise TokenizerError(error.message, remedy=error.remedy) from error


def _read_template(file: Path) -> str | None:
    if not file.is_file():
        return None
    try:
        with file.open(encoding="utf-8") as stream:
            return stream.read(MAX_BYTES)
    except (OSError, UnicodeDecodeError) as error:
        raise TokenizerError(f"{file} is not readable: {error}", remedy=FETCH_AGAIN) from error


def _token_text(value: Any, role: str, file: Path) -> str | None:
    """A token is written as its text, as an object with its text in `content`, or not at all."""
    text = value.get("content") if isinstance(value, dict) else value
    if text is not None and not isinstance(text, str):
        raise TokenizerError(f"{file}: {role} is neither a text nor a token", remedy=FETCH_AGAIN)
    return text or None


def _default_template(value: Any, file: Path) -> str | None:
    """One template, or a list of named ones: then the one named `default`."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(entry, dict) for entry in value):
        default = next((entry.get("template") for entry in value if entry.get("name") == "default"), None)
        if isinstance(default, str):
            return default
        raise TokenizerError(f"{file}: none of its chat templates is named 'default'", remedy="name one of them so")
    raise TokenizerError(f"{file}: chat_template is neither a text nor a list of templates", remedy=FETCH_AGAIN)


def _eos_ids(file: Path) -> tuple[int, ...]:
    value = _read_json(file).get("eos_token_id") if file.exists() else None
    ids = value if isinstance(value, list) else [] if value is None else [value]
    if not all(isinstance(token_id, int) and not isinstance(token_id, bool) and token_id >= 0 for token_id in ids):
        raise TokenizerError(f"{file}: eos_token_id={value!r} is not a token id or a list of them", remedy=FETCH_AGAIN)
    return tuple(ids)
