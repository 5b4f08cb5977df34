"""`AutoTokenizer`: a model's tokenizer under the names that PaddleNLP and transformers gave it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from sampan.auto.encoding import BatchEncoding, check_side, encode_rows, truncated
from sampan.auto.keywords import refuse_unknown
from sampan.auto.tensors import read_ids
from sampan.engine import load_tokenizer
from sampan.errors import RequestError
from sampan.text import ChatTemplate, Tokenizer

# What they allow or ask for is so anyway: nothing is fetched, no code of a model runs, there is one implementation.
_NEEDLESS = ("trust_remote_code", "local_files_only", "use_fast")
_INSTEAD = {
    "text_pair": "these models read one text: join both",
    "return_token_type_ids": "these models have no token types: leave it out",
}


class AutoTokenizer:
    """A tokenizer. `from_pretrained` makes one.

    Special tokens in a text are found, as in both libraries, so that rendered templates can be encoded. For text of
    people who are not to write special tokens there are `apply_chat_template`, which never finds any in messages, and
    `split_special_tokens=True`.

    Args:
        core: what encodes and decodes.
        name_or_path: where it comes from.
        padding_side: `left`, so that answers begin where prompts end; or `right`.
        truncation_side: the side that loses what is too long.
    """

    def __init__(
        self, core: Tokenizer, name_or_path: str = "", *, padding_side: str = "left", truncation_side: str = "right"
    ) -> None:
        self.core = core
        self.name_or_path = name_or_path
        self.padding_side = check_side(padding_side, "padding_side")
        self.truncation_side = check_side(truncation_side, "truncation_side")
        self.bos_token_id = core.bos_token_id
        self.eos_token_id = core.eos_token_ids[0] if core.eos_token_ids else None
        self.unk_token_id = self._role_id("unk_token")
        pad_token_id = self._role_id("pad_token")
        self.pad_token_id = self.eos_token_id if pad_token_id is None else pad_token_id
        self.model_max_length = core.config.model_max_length

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | None = None,
        *,
        padding_side: str = "left",
        truncation_side: str = "right",
        **others: Any,
    ) -> AutoTokenizer:
        """The tokenizer of a model: a zoo name, a folder, a GGUF file; None is the embedded model.

        Raises:
            UnknownModelError, TokenizerError: there is none.
            ConfigError: a keyword is not known.
        """
        refuse_unknown("AutoTokenizer.from_pretrained", others, _NEEDLESS, {})
        core = load_tokenizer(name_or_path)
        return cls(core, name_or_path or "", padding_side=padding_side, truncation_side=truncation_side)

    def __call__(
        self,
        text: str | Sequence[str],
        *,
        return_tensors: str | None = None,
        padding: bool | str = False,
        truncation: bool | str = False,
        max_length: int | None = None,
        add_special_tokens: bool = True,
        split_special_tokens: bool = False,
        return_attention_mask: bool = True,
        **unknown: Any,
    ) -> BatchEncoding:
        """Token ids and masks of a text or of several.

        Args:
            return_tensors: `pd` and `np` give matrices, [texts, tokens] of int64, also for one text; None gives lists.
            padding: true or `longest` fills up to the longest text, `max_length` to `max_length`.
            truncation: cut off what is longer than `max_length`; without that, than the model's context.
            add_special_tokens: put BOS in front where the model wants one and the text does not begin with it.
            split_special_tokens: special tokens in the text are text like any other.

        Raises:
            RequestError: a value cannot be served.
            ConfigError: a keyword is not known.
        """
        refuse_unknown("the tokenizer", unknown, (), _INSTEAD)
        texts = [text] if isinstance(text, str) else list(text)
        if not all(isinstance(each, str) for each in texts):
            raise RequestError("the text is neither a text nor a list of texts", param="text", remedy="give one")
        rows = [self._encode(each, add_special_tokens, split_special_tokens) for each in texts]
        encoding = self._batch(rows, return_tensors, padding, truncation, max_length)
        if not return_attention_mask:
            del encoding["attention_mask"]
        if isinstance(text, str) and return_tensors is None:
            return BatchEncoding({name: value[0] for name, value in encoding.items()})
        return encoding

    def encode(self, text: str, *, add_special_tokens: bool = True, return_tensors: str | None = None) -> Any:
        """Token ids of one text: a list, or a matrix of one row."""
        return self(text, add_special_tokens=add_special_tokens, return_tensors=return_tensors)["input_ids"]

    def decode(self, token_ids: Any, skip_special_tokens: bool = False) -> str:
        """Text of an id, of a row of ids, or of a matrix of one row.

        Raises:
            RequestError: there are several rows, or what is given are no ids.
        """
        rows = read_ids(token_ids, "token_ids")
        if len(rows) == 1 and isinstance(rows[0], Sequence):
            (rows,) = rows
        if any(isinstance(row, Sequence) for row in rows):
            raise RequestError("token_ids holds several rows", param="token_ids", remedy="use batch_decode")
        return self.core.decode(rows, skip_special_tokens=skip_special_tokens)

    def batch_decode(self, sequences: Any, skip_special_tokens: bool = False) -> list[str]:
        """Texts of rows of ids. A single row is one text, not as many as it has ids."""
        rows = read_ids(sequences, "sequences")
        rows = rows if not rows or isinstance(rows[0], Sequence) else [rows]
        return [self.decode(row, skip_special_tokens) for row in rows]

    def apply_chat_template(
        self,
        conversation: Sequence[Mapping[str, Any]] | Sequence[Sequence[Mapping[str, Any]]],
        *,
        tools: Sequence[Mapping[str, Any]] | None = None,
        documents: Sequence[Mapping[str, Any]] | None = None,
        add_generation_prompt: bool | None = None,
        continue_final_message: bool = False,
        tokenize: bool = True,
        return_tensors: str | None = None,
        return_dict: bool = True,
        padding: bool | str = False,
        truncation: bool | str = False,
        max_length: int | None = None,
        **variables: Any,
    ) -> Any:
        """The prompt of one conversation, or of several.

        Args:
            conversation: messages, `{"role": ..., "content": ...}` each. Nothing in them becomes a special token.
            add_generation_prompt: end where the assistant speaks; None means unless the last message is one of its.
            tokenize: false gives the text.
            return_dict: false gives the ids alone.
            variables: for the template; `enable_thinking=False` asks for an answer without a thought.

        Returns:
            A text or a `BatchEncoding`, a list of texts for several conversations.

        Raises:
            RequestError: a message or value cannot be served.
            TokenizerError: the model has no template.
        """
        several = bool(conversation) and not isinstance(conversation[0], Mapping)
        conversations: Any = conversation if several else [conversation]
        prompts = []
        for messages in conversations:
            wants_answer = add_generation_prompt
            if wants_answer is None and not continue_final_message:
                wants_answer = not (messages and messages[-1].get("role") == "assistant")
            prompts.append(
                self._template.encode(
                    messages,
                    add_generation_prompt=wants_answer,
                    continue_final_message=continue_final_message,
                    tools=tools,
                    documents=documents,
                    template_kwargs=variables,
                )
            )
        if not tokenize:
            texts = [prompt.text for prompt in prompts]
            return texts if several else texts[0]
        rows = [list(prompt.token_ids) for prompt in prompts]
        encoding = self._batch(rows, return_tensors, padding, truncation, max_length)
        if not several and return_tensors is None:
            encoding = BatchEncoding({name: value[0] for name, value in encoding.items()})
        return encoding if return_dict else encoding["input_ids"]

    def pad(
        self,
        encodings: Any,
        padding: bool | str = True,
        max_length: int | None = None,
        return_tensors: str | None = None,
    ) -> BatchEncoding:
        """Encodings of several texts, a list of them or one with lists in it, filled up to one length."""
        rows = encodings["input_ids"] if isinstance(encodings, Mapping) else [each["input_ids"] for each in encodings]
        return self._batch(read_ids(rows, "input_ids"), return_tensors, padding, False, max_length)

    def tokenize(self, text: str) -> list[str]:
        """Tokens of a text as `tokenizer.json` writes them, without BOS."""
        return [self.core.id_to_token(token_id) or "" for token_id in self.core.encode_with_specials(text)]

    def convert_tokens_to_ids(self, tokens: str | Sequence[str]) -> Any:
        """Ids of tokens as `tokenizer.json` writes them; None, or UNK, where there is no such token."""
        if isinstance(tokens, str):
            token_id = self.core.token_to_id(tokens)
            return self.unk_token_id if token_id is None else token_id
        return [self.convert_tokens_to_ids(token) for token in tokens]

    def convert_ids_to_tokens(self, ids: Any, skip_special_tokens: bool = False) -> Any:
        """The way back; None where an id is not in the vocabulary."""
        if isinstance(ids, int):
            return self.core.id_to_token(ids)
        skipped = self.core.special_ids if skip_special_tokens else frozenset()
        return [self.core.id_to_token(token_id) for token_id in read_ids(ids, "ids") if token_id not in skipped]

    def get_vocab(self) -> dict[str, int]:
        """Every token, as `tokenizer.json` writes it, and its id."""
        return self.core.vocabulary()

    @property
    def vocab_size(self) -> int:
        """Tokens without the added ones; `len` counts those too."""
        return self.core.num_plain

    def __len__(self) -> int:
        return self.core.vocab_size

    @property
    def all_special_ids(self) -> list[int]:
        """Ids that `skip_special_tokens` leaves out."""
        return sorted(self.core.special_ids)

    @property
    def all_special_tokens(self) -> list[str]:
        """Their texts."""
        return [self.core.id_to_token(token_id) or "" for token_id in self.all_special_ids]

    @property
    def bos_token(self) -> str | None:
        """The token in front of texts."""
        return self._token(self.bos_token_id)

    @property
    def eos_token(self) -> str | None:
        """The token that ends an answer."""
        return self._token(self.eos_token_id)

    @property
    def unk_token(self) -> str | None:
        """The token for what is unknown: byte-level vocabularies have none."""
        return self._token(self.unk_token_id)

    @property
    def pad_token(self) -> str | None:
        """The token to pad with; may be set."""
        return self._token(self.pad_token_id)

    @pad_token.setter
    def pad_token(self, token: str) -> None:
        token_id = self.core.token_to_id(token)
        if token_id is None:
            raise RequestError(
                f"the vocabulary has no token {token!r}", param="pad_token", remedy="use one of it, such as eos_token"
            )
        self.pad_token_id = token_id

    @property
    def chat_template(self) -> str | None:
        """The template's source."""
        return self.core.config.chat_template

    @cached_property
    def _template(self) -> ChatTemplate:
        return ChatTemplate(self.core)

    def _encode(self, text: str, add_special_tokens: bool, split_special_tokens: bool) -> list[int]:
        ids = self.core.encode(text) if split_special_tokens else self.core.encode_with_specials(text)
        bos = self.core.bos_token_id
        if not add_special_tokens or not self.core.adds_bos or bos is None or ids[:1] == [bos]:
            return ids
        return [bos, *ids]

    def _batch(
        self,
        rows: Sequence[list[int]],
        return_tensors: str | None,
        padding: bool | str,
        truncation: bool | str,
        max_length: int | None,
    ) -> BatchEncoding:
        if padding not in (True, False, "longest", "max_length", "do_not_pad"):
            raise RequestError(
                f"padding={padding!r} is not known", param="padding", remedy="use True, False or 'max_length'"
            )
        if truncation not in (True, False, "longest_first", "do_not_truncate"):
            raise RequestError(
                f"truncation={truncation!r} is not known", param="truncation", remedy="use True or False"
            )
        if truncation in (True, "longest_first"):
            bound = self._bound(max_length, "truncation")
            rows = [truncated(row, bound, self.truncation_side) for row in rows]
        pad_to = None
        if padding == "max_length":
            pad_to = self._bound(max_length, "padding")
        elif padding in (True, "longest"):
            pad_to = max(map(len, rows), default=0)
        return encode_rows(
            rows,
            pad_to=pad_to,
            pad_token_id=self.pad_token_id,
            padding_side=check_side(self.padding_side, "padding_side"),
            return_tensors=return_tensors,
        )

    def _bound(self, max_length: int | None, param: str) -> int:
        bound = self.model_max_length if max_length is None else max_length
        if bound is None or bound < 1:
            raise RequestError(f"{param} wants a max_length", param="max_length", remedy="give one of 1 or more")
        return bound

    def _role_id(self, role: str) -> int | None:
        token = self.core.config.special_tokens.get(role)
        return None if token is None else self.core.token_to_id(token)

    def _token(self, token_id: int | None) -> str | None:
        return None if token_id is None else self.core.id_to_token(token_id)
