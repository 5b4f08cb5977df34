"""`POST /tokenize` and `POST /detokenize`, as vLLM and llama.cpp have them: text to token ids and back."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response

from sampan.errors import RequestError
from sampan.server.fields import ModelName, RequestModel, TokenId
from sampan.server.http.body import body_schema
from sampan.server.off_loop import off_loop_if
from sampan.server.openai.logprobs import token_text
from sampan.server.openai.messages import Messages, TemplateArguments
from sampan.server.openai.tools import MAX_TOOLS, ToolFields, ToolPlan
from sampan.server.read_request import read_request
from sampan.server.respond import json_response
from sampan.server.service import INLINE_CHARS, Service


class TokenizeRequest(RequestModel):
    """A text as `prompt`, or a conversation as `messages`; `content` is llama.cpp's word for a text.

    A prompt gets BOS where the model's texts begin with one, unless `add_special_tokens` is false; a content only if
    `add_special` is true. A conversation is what the chat template makes of it.
    """

    model: ModelName | None = None
    prompt: str | None = None
    add_special_tokens: bool | None = None
    return_token_strs: bool | None = None
    messages: Messages | None = None
    add_generation_prompt: bool | None = None
    continue_final_message: bool | None = None
    tools: list[ToolFields] | None = Field(default=None, max_length=MAX_TOOLS)
    chat_template_kwargs: TemplateArguments | None = None
    content: str | None = None
    add_special: bool | None = None
    with_pieces: bool | None = None

    def check(self) -> None:
        """Exactly one of the three must be there.

        Raises:
            RequestError: it is not so.
        """
        if [self.prompt, self.messages, self.content].count(None) != 2:
            raise RequestError("send one of prompt, messages and content", param="prompt")


class DetokenizeRequest(RequestModel):
    """Token ids."""

    model: ModelName | None = None
    tokens: list[TokenId]


def tokenize_routes(service: Service) -> APIRouter:
    """What the served model's tokenizer makes of a text."""
    router = APIRouter(tags=["tokenize"])
    tokenizer = service.tokenizer

    @router.post("/tokenize", summary="Text to token ids", openapi_extra=body_schema(TokenizeRequest))
    async def tokenize(http: Request) -> Response:
        request = await read_request(http, service.config, TokenizeRequest)
        service.model_name(request.model)
        request.check()
        token_ids = await _token_ids(request)
        if request.content is not None:  # llama.cpp's answer
            tokens = [{"id": i, "piece": _text(i)} for i in token_ids] if request.with_pieces else token_ids
            return json_response({"tokens": tokens})
        strings = [_text(i) for i in token_ids] if request.return_token_strs else None
        limit = service.engine.max_model_len
        body = {"count": len(token_ids), "max_model_len": limit, "tokens": token_ids, "token_strs": strings}
        return json_response(body)

    @router.post("/detokenize", summary="Token ids to text", openapi_extra=body_schema(DetokenizeRequest))
    async def detokenize(http: Request) -> Response:
        request = await read_request(http, service.config, DetokenizeRequest)
        service.model_name(request.model)
        if not all(0 <= token_id < tokenizer.vocab_size for token_id in request.tokens):
            raise RequestError("tokens holds an unknown id", param="tokens", remedy=f"below {tokenizer.vocab_size}")
        text = await off_loop_if(
            len(request.tokens) > INLINE_CHARS, lambda: tokenizer.decode(request.tokens, skip_special_tokens=False)
        )
        return json_response({"prompt": text, "content": text})  # vLLM's word for it, and llama.cpp's

    async def _token_ids(request: TokenizeRequest) -> Sequence[int]:
        if request.messages is not None:
            plan = ToolPlan.of([tool.function for tool in request.tools or ()], None, is_parallel=True)
            prompt = await service.chat_prompt(
                request.messages,
                add_generation_prompt=request.add_generation_prompt,
                continue_final_message=bool(request.continue_final_message),
                tools=plan.shown if plan else None,
                template_kwargs=request.chat_template_kwargs,
            )
            return prompt.token_ids
        if request.prompt is not None:
            text, adds_bos = request.prompt, request.add_special_tokens is not False
        else:
            text, adds_bos = request.content or "", bool(request.add_special)
        return await off_loop_if(len(text) > INLINE_CHARS, lambda: tokenizer.encode(text, add_bos=adds_bos))

    def _text(token_id: int) -> str:
        return token_text(tokenizer.id_to_bytes(token_id))

    return router
