"""The tokenizer of a model folder: text to token ids and back.

`tokenizer.json` says all about the vocabulary and is read by the `tokenizers` library. `tokenizer_class` of the
configuration is never looked at: that of the distills names a class that would drop spaces.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path

import tokenizers

from sampan.config import SIZE_LIMITS, ModelConfig
from sampan.errors import RequestError, TokenizerError
from sampan.strict_json import FETCH_AGAIN
from sampan.text.library_errors import one_line
from sampan.text.reasoning import THINK_END, THINK_START, ends_in_thought
from sampan.text.special_tokens import SpecialTokens
from sampan.text.tokenizer_config import TokenizerConfig
from sampan.text.tokenizer_file import parse_tokenizer

TOKENIZER_FILE = "tokenizer.json"
MAX_SPECIAL_CHARS = 256


class Tokenizer:
    """Byte-level BPE with special tokens (GPT-2's scheme, which all R1 distills use).

    Text of users never becomes a special token: `encode` does not know them. Only `encode_with_specials` does; it is
        for text
    whose special tokens are ours, such as rendered chat templates.

    Args:
        engine: the library's tokenizer.
        config: what stands beside `tokenizer.json`.
        source: named in error messages.
        num_plain: one more than the greatest id that is no added token's; None has it counted where it is needed.
    """

    def __init__(
        self,
        engine: tokenizers.Tokenizer,
        config: TokenizerConfig,
        *,
        source: str = TOKENIZER_FILE,
        num_plain: int | None = None,
    ) -> None:
        if not isinstance(engine.decoder, tokenizers.decoders.ByteLevel):
            raise TokenizerError(
                f"{source} is not a byte-level BPE tokenizer", remedy="use the tokenizer of an R1 distill"
            )
        self.config = config
        self._source = source
        self._engine = engine
        self._num_plain = num_plain
        # The same vocabulary without added tokens, template and truncation: what it encodes is text and nothing else.
        self._plain = tokenizers.Tokenizer(engine.model)
        self._plain.normalizer = engine.normalizer
        self._plain.pre_tokenizer = engine.pre_tokenizer
        self._added = engine.get_added_tokens_decoder()
        self.added_ids = frozenset(self._added)  # special tokens, and those that are none in name only
        self._check_added_tokens()
        self._specials = SpecialTokens({token.content: token_id for token_id, token in self._added.items()})
        self._bytes: dict[int, bytes] = {}
        self.special_ids = frozenset(token_id for token_id, token in self._added.items() if token.special)
        self.bos_token_id = self._role_id("bos_token")
        eos_token_id = self._role_id("eos_token")
        own_eos = () if eos_token_id is None else (eos_token_id,)
        self.eos_token_ids = tuple(dict.fromkeys(own_eos + config.eos_token_ids))
        self.think_start_id = self.token_to_id(THINK_START)
        self.think_end_id = self.token_to_id(THINK_END)

    @classmethod
    def from_dir(cls, path: str | Path) -> Tokenizer:
        """Reads a model folder: `tokenizer.json`, `tokenizer_config.json` and, where they exist,
        `generation_config.json` and `chat_template.jinja`.

        Raises:
            TokenizerError: a file is absent or damaged; names it.
        """
        file = Path(path) / TOKENIZER_FILE
        if not file.is_file():
            raise TokenizerError(
                f"{file} does not exist", remedy="give a model folder in Hugging Face form, with this file"
            )
        config = TokenizerConfig.from_dir(Path(path))
        try:
            engine, num_plain = parse_tokenizer(file.read_bytes())
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # the library raises nothing more exact, and its panics are no `Exception`
            raise TokenizerError(
                f"{file} is damaged: {one_line(error)}", remedy="fetch the file again from where the model came from"
            ) from error
        return cls(engine, config, source=str(file), num_plain=num_plain)

    @cached_property
    def num_plain(self) -> int:
        """One more than the greatest id that is no added token's."""
        if self._num_plain is not None:
            return self._num_plain
        return max(self._engine.get_vocab(with_added_tokens=False).values(), default=-1) + 1

    @cached_property
    def vocab_size(self) -> int:
        """One more than the greatest token id. A model's matrices may be padded beyond it.

        Raises:
            TokenizerError: it is beyond what any model has.
        """
        size = max(self.num_plain, max(self._added, default=-1) + 1)
        if size > SIZE_LIMITS["vocab_size"]:
            raise TokenizerError(f"{self._source} has the token id {size - 1}, beyond any model's", remedy=FETCH_AGAIN)
        return size

    @cached_property
    def adds_bos(self) -> bool:
        """Whether texts of this model begin with BOS."""
        if self.bos_token_id is None:
            return False
        if self.config.add_bos_token is not None:
            return self.config.add_bos_token
        return self._engine.encode("").ids[:1] == [self.bos_token_id]

    def encode(self, text: str, *, add_bos: bool = False) -> list[int]:
        """Token ids of a user's text: what looks like a special token in it is encoded as the text that it is.

        Args:
            text: any text.
            add_bos: put BOS in front, where this model's texts begin with it.

        Raises:
            RequestError: the text holds half a surrogate pair, so it is no Unicode text.
        """
        if not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError as error:
                raise RequestError(
                    f"the text holds a lone surrogate at character {error.start}", remedy="send valid Unicode"
                ) from error
        ids: list[int] = self._plain.encode(text, add_special_tokens=False).ids
        return [self.bos_token_id, *ids] if add_bos and self.adds_bos and self.bos_token_id is not None else ids

    def encode_with_specials(self, text: str, *, mark: str = "") -> list[int]:
        """Token ids of a text whose special tokens are meant; no BOS is added.

        Args:
            text: may hold guarded text of users, see `guard`.
            mark: the mark with which it was guarded; it is taken out.
        """
        ids: list[int] = []
        for part in self._specials.split(text):
            if isinstance(part, int):
                ids.append(part)
            else:
                ids.extend(self.encode(part.replace(mark, "") if mark else part))
        return ids

    def guard(self, text: str, mark: str) -> str:
        """`text` so marked that `encode_with_specials` finds no special token in it, whatever it is joined to.

        Args:
            text: without `mark`.
            mark: one character that occurs in no special token.
        """
        return self._specials.guard(text, mark)

    def decode(self, token_ids: Iterable[int], *, skip_special_tokens: bool = True) -> str:
        """Text of whole sequences of ids; bytes that are no UTF-8 become U+FFFD."""
        skipped = self.special_ids if skip_special_tokens else frozenset()
        return b"".join(self.id_to_bytes(i) for i in token_ids if i not in skipped).decode("utf-8", "replace")

    def id_to_bytes(self, token_id: int) -> bytes:
        """Bytes of a token; a character may lie in several tokens. Empty for ids that the vocabulary does not hold."""
        known = self._bytes.get(token_id)
        if known is None:
            if not 0 <= token_id < self.vocab_size:
                return b""
            known = self._bytes[token_id] = self._read_bytes(token_id)
        return known

    def all_bytes(self) -> list[bytes]:
        """Bytes of every token, by id: `id_to_bytes` of the whole vocabulary in half the time."""
        tokens = [b""] * self.vocab_size
        for token, token_id in self._engine.get_vocab(with_added_tokens=False).items():
            try:
                tokens[token_id] = token.translate(_BYTES_AS_LATIN_1).encode("latin-1")
            except UnicodeEncodeError:  # not written in bytes
                tokens[token_id] = token.encode()
        for token_id, added in self._added.items():
            tokens[token_id] = added.content.encode()
        return tokens

    def token_to_id(self, token: str) -> int | None:
        """Id of a token as it is written in `tokenizer.json`."""
        token_id: int | None = self._engine.token_to_id(token)
        return token_id

    def id_to_token(self, token_id: int) -> str | None:
        """A token as it is written in `tokenizer.json`; None for ids that it does not hold."""
        token: str | None = self._engine.id_to_token(token_id) if token_id >= 0 else None
        return token

    def vocabulary(self) -> dict[str, int]:
        """Every token as it is written in `tokenizer.json`, added ones too, and its id."""
        tokens: dict[str, int] = self._engine.get_vocab(with_added_tokens=True)
        return tokens

    def is_in_reasoning(self, token_ids: Sequence[int]) -> bool:
        """See `sampan.text.reasoning.ends_in_thought`."""
        return ends_in_thought(token_ids, self.think_start_id, self.think_end_id)

    def check_model(self, config: ModelConfig) -> None:
        """Checks that this tokenizer belongs to the model.

        `config.json` may name other BOS and EOS ids than the tokenizer (those of the Qwen distills name EOS as BOS).
        They have no effect, but special tokens they must be: if they are not, the tokenizer is another model's.

        Raises:
            TokenizerError: the tokenizer is wider than the model's vocabulary, or the special tokens disagree.
        """
        remedy = "use the tokenizer files that came with the model"
        if self.vocab_size > config.vocab_size:
            raise TokenizerError(
                f"{self._source} has {self.vocab_size} tokens, the model only {config.vocab_size}", remedy=remedy
            )
        bos = () if config.bos_token_id is None else (config.bos_token_id,)
        for name, token_ids in (("bos_token_id", bos), ("eos_token_id", config.eos_token_ids)):
            for token_id in token_ids:
                if token_id not in self._added:
                    raise TokenizerError(
                        f"{name}={token_id} of config.json is no special token of {self._source}", remedy=remedy
                    )
        for token_id in self.eos_token_ids:
            if token_id >= self.vocab_size:
                raise TokenizerError(f"end token {token_id} is not in the vocabulary of {self._source}", remedy=remedy)

    def _role_id(self, role: str) -> int | None:
        text = self.config.special_tokens.get(role)
        if text is None:
            return None
        token_id = self.token_to_id(text)
        if token_id is None:
            raise TokenizerError(
                f"{self._source} does not hold the {role} {text!r}",
                remedy="use tokenizer files of one and the same model",
            )
        return token_id

    def _check_added_tokens(self) -> None:
        for token in self._added.values():
            if token.lstrip or token.rstrip or token.single_word or len(token.content) > MAX_SPECIAL_CHARS:
                raise TokenizerError(
                    f"{self._source}: added token {token.content[:40]!r} eats blanks, wants whole words or is too long",
                    remedy="no R1 distill has such tokens; use the tokenizer of one",
                )
            if not self._added.keys().isdisjoint(self._plain.encode(token.content, add_special_tokens=False).ids):
                raise TokenizerError(
                    f"{self._source}: added token {token.content!r} is also ordinary text",
                    remedy="take it out of the merges of the vocabulary",
                )

    def _read_bytes(self, token_id: int) -> bytes:
        if token_id in self._added:
            return self._added[token_id].content.encode()
        token: str = self._engine.id_to_token(token_id) or ""
        try:
            return bytes(map(_BYTE_OF_CHARACTER.__getitem__, token))
        except KeyError:  # not written in bytes: a special token that is listed as an ordinary one
            return token.encode()


def _byte_characters() -> dict[str, int]:
    """GPT-2's way to write bytes: those that Latin-1 shows stand for themselves, the others are U+0100 and on."""
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in visible]
    return {chr(byte): byte for byte in visible} | {chr(0x100 + index): byte for index, byte in enumerate(hidden)}


_BYTE_OF_CHARACTER = _byte_characters()
_BYTES_AS_LATIN_1 = {ord(character): byte for character, byte in _BYTE_OF_CHARACTER.items()}
