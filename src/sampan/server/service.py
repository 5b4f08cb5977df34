"""Turns prompts into answers: text to ids, ids through the engine, ids to text.

Whatever is answered goes through `Service.open`. Nothing here knows HTTP.
"""

from __future__ import annotations

import hashlib
import logging
import time
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

from sampan.cluster import EngineClient, OutputStream
from sampan.config import ServerConfig
from sampan.engine.sampling_params import SamplingParams
from sampan.errors import ContextLengthError, RequestError, UnavailableError, UnknownAnswerError, UnknownModelError
from sampan.server.answer import Answer, Answers
from sampan.server.fields import MAX_CHOICES, AdmissionFields, SamplingFields
from sampan.server.http.exchange import current_exchange
from sampan.server.metrics import Recorder
from sampan.server.off_loop import off_loop_if
from sampan.server.sampling import sampling_params, seed_of_choice
from sampan.server.security.client import current_client
from sampan.text import THINKING_SWITCHES, ChatPrompt, ChatTemplate, TextStream, Tokenizer

logger = logging.getLogger("sampan.server.prompts")  # which are logged only where the operator asks for it

# Encoding up to this much takes a few milliseconds.
INLINE_CHARS = 4096
INLINE_MESSAGES = 16
SLOW_OPTIONS = ("tools", "documents", "template_kwargs")


class Service:
    """One model behind one engine.

    Args:
        engine: runs the model.
        tokenizer: of the same model.
        chat_template: of the same model.
        config: names and limits.
        defaults: how tokens are drawn where a request says nothing.
        recorder: counts what is answered.
    """

    def __init__(
        self,
        engine: EngineClient,
        tokenizer: Tokenizer,
        chat_template: ChatTemplate,
        config: ServerConfig,
        defaults: SamplingParams,
        recorder: Recorder,
    ) -> None:
        self.engine = engine
        self.tokenizer = tokenizer
        self.config = config
        self.recorder = recorder
        self.draining = False
        self._chat_template = chat_template
        self.defaults = defaults
        self._is_closed = False
        self._open_ids: set[str] = set()  # of answers
        # Says that two answers came from the same model under the same name; a seed promises nothing across a change.
        self.model_digest = hashlib.sha256(f"{config.served_model_name} {engine.config!r}".encode()).hexdigest()
        self.system_fingerprint = f"fp_{self.model_digest[:12]}"

    async def close(self) -> None:
        """Ends open answers and stops the engine. Harmless when called twice."""
        self.draining = True
        if not self._is_closed:
            self._is_closed = True
            await self.engine.close()

    @property
    def is_ready(self) -> bool:
        """Whether a request would be answered now."""
        return not self.draining and self.engine.status().ready

    @property
    def reason(self) -> str:
        """Why it is ready or not, in a word."""
        return "shutting down" if self.draining else self.engine.status().reason

    def model_name(self, requested: str | None) -> str:
        """The name under which a request is answered: the one it used.

        Raises:
            UnknownModelError: this server has no model of that name.
        """
        served = self.config.served_model_name
        if requested is None or requested in (served, *self.config.aliases):
            return requested or served
        raise UnknownModelError("This server has no model of that name", remedy=f"use {served}")

    async def chat_prompt(self, messages: Sequence[Mapping[str, Any]], **options: Any) -> ChatPrompt:
        """Messages through the chat template, in a thread unless that is quick, so that other requests go on meanwhile.

        Args:
            options: see `ChatTemplate.encode`; `thinking` may be None as well: as the server has it.

        Raises:
            RequestError: the messages do not fit the template.
        """
        options["template_kwargs"] = self._template_kwargs(options)
        if options.get("thinking") is None:
            options.pop("thinking", None)
        is_plain = all(isinstance(message.get("content"), str) for message in messages)
        is_short = is_plain and sum(len(message["content"]) for message in messages) <= INLINE_CHARS
        is_quick = is_short and len(messages) <= INLINE_MESSAGES and not any(map(options.get, SLOW_OPTIONS))
        return await off_loop_if(not is_quick, lambda: self._chat_template.encode(messages, **options))

    def _template_kwargs(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """The request's over the server's. Whoever says whether to think says so under whatever name."""
        own = options.get("template_kwargs") or {}
        defaults = self.config.default_chat_template_kwargs
        if options.get("thinking") is not None or any(switch in own for switch in THINKING_SWITCHES):
            defaults = {name: value for name, value in defaults.items() if name not in THINKING_SWITCHES}
        return {**defaults, **own}

    async def text_prompt(self, prompt: str) -> Sequence[int]:
        """Plain text as a prompt; what looks like a special token in it stays text."""
        return await off_loop_if(len(prompt) > INLINE_CHARS, lambda: self.tokenizer.encode(prompt, add_bos=True))

    @asynccontextmanager
    async def open(
        self,
        prompts: Sequence[Sequence[int]],
        request: SamplingFields,
        *,
        num_choices: int = 1,
        starts_in_reasoning: bool | None = None,
        cache_salt: str = "",
        answer_id: str | None = None,
    ) -> AsyncIterator[Answers]:
        """Hands the prompts to the engine; the `with` body begins once all are accepted. Leaving it ends what is open.

        Args:
            prompts: token ids.
            request: how tokens are drawn, and when it has its turn.
            num_choices: answers of each prompt.
            starts_in_reasoning: whether the prompts end inside a thought; None does not split thought and answer.
            cache_salt: requests with different salts, or of different API keys, share no cached prompt.
            answer_id: by which `answer_now` finds them.

        Raises:
            RequestError: a parameter is out of range, or there would be too many answers.
            ContextLengthError, OverloadedError, EngineError: from the engine.
            UnavailableError: the server is shutting down.
        """
        opened_at = time.monotonic()
        self.check_open()
        if len(prompts) * num_choices > MAX_CHOICES:
            raise RequestError(f"More than {MAX_CHOICES} answers", param="n", remedy="ask for fewer at once")
        request_id = self._own_id(answer_id or uuid.uuid4().hex)
        if request_id in self._open_ids:
            raise RequestError("an answer of that id is open", param="request_id", remedy="use another one")
        client = current_client.get()
        async with AsyncExitStack() as stack:
            answers: list[Answer] = []
            self._open_ids.add(request_id)
            stack.callback(self._open_ids.discard, request_id)
            for prompt in prompts:
                params = self._params(request, len(prompt))
                for choice in range(num_choices):
                    index = len(answers)
                    own = replace(params, seed=seed_of_choice(params.seed, choice))
                    outputs = await self.submit(
                        f"{request_id}-{index}", prompt, own, request, cache_salt=cache_salt, timeout=request.timeout
                    )
                    stack.push_async_callback(outputs.aclose)
                    text = self._text_stream(params, starts_in_reasoning)
                    answers.append(Answer(index, outputs, text, self.recorder.answer(opened_at)))
            opened = Answers([len(prompt) for prompt in prompts], answers)
            stack.callback(lambda: client.charge(opened.num_tokens))
            self.recorder.accept(opened.prompt_lens, num_choices, request.max_new_tokens)
            stack.push(lambda _, error, __: self._record_end(opened, prompts, error))
            yield opened

    def _record_end(self, answers: Answers, prompts: Sequence[Sequence[int]], error: BaseException | None) -> None:
        self.recorder.num_cached_tokens += answers.num_cached_tokens
        for answer in answers.answers:
            answer.close(error)
        exchange = current_exchange.get()
        if exchange is not None:
            answers.tell(exchange)
            if self.config.log_prompts:
                asked = [self.tokenizer.decode(list(prompt), skip_special_tokens=False) for prompt in prompts]
                said = [answer.text.text for answer in answers.answers]
                fields = {"request_id": exchange.request_id, "prompts": asked, "answers": said}
                logger.info("%s %r -> %r", exchange.request_id, asked, said, extra={"fields": fields})

    def check_open(self) -> None:
        """Raises UnavailableError: the server is shutting down."""
        if self.draining:
            raise UnavailableError("The server is shutting down", remedy="send the request again")

    async def submit(
        self,
        request_id: str,
        prompt: Sequence[int],
        params: SamplingParams,
        request: AdmissionFields,
        *,
        cache_salt: str,
        timeout: float | None,
    ) -> OutputStream:
        """Hands one prompt to the engine, in the turn of its request and its client. Raises as `open` does."""
        client = current_client.get()
        return await self.engine.generate(
            request_id,
            prompt,
            params,
            cache_salt=client.cache_salt(cache_salt),
            tenant=client.tenant(request.user or ""),
            priority=-(request.priority or 0),  # on the wire, as in vLLM, lower is sooner
            timeout=timeout,
        )

    def _own_id(self, answer_id: str) -> str:
        """An answer's id as the engine knows it. Clients may choose ids: whoever holds another key can neither take one
        nor guess one."""
        salt = current_client.get().salt
        return f"{salt}/{answer_id}" if salt else answer_id

    async def answer_now(self, answer_id: str) -> None:
        """Closes the thoughts of an open answer, whichever worker it is from, so that what it has to say follows;
        harmless where it is said already.

        Raises:
            UnknownAnswerError: no answer of that id is open.
        """
        if not await self.engine.answer_now(self._own_id(answer_id)):
            raise UnknownAnswerError("No answer of that id is open", param="id", remedy="take the id from the stream")

    def _params(self, request: SamplingFields, prompt_len: int) -> SamplingParams:
        """The request's parameters. A default for the answer's length gives way to the end of the context."""
        defaults = self.defaults
        least = 1 if request.max_new_tokens is None else min(request.max_new_tokens, 1)  # 0 only reads the prompt
        if prompt_len + least > self.engine.max_model_len:  # the engine would say so too, but need not read it for that
            raise ContextLengthError.of(prompt_len, request.max_new_tokens or least, self.engine.max_model_len)
        if defaults.max_tokens is not None:
            room = max(1, self.engine.max_model_len - prompt_len)
            defaults = replace(defaults, max_tokens=min(defaults.max_tokens, room))
        return sampling_params(request, defaults, self.tokenizer.encode)

    def _text_stream(self, params: SamplingParams, starts_in_reasoning: bool | None) -> TextStream:
        return TextStream(
            self.tokenizer,
            stop=params.stop,
            include_stop=params.include_stop_str_in_output,
            skip_special_tokens=params.skip_special_tokens,
            starts_in_reasoning=starts_in_reasoning,
        )
