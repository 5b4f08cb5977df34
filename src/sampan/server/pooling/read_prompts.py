"""Reads many prompts for one request."""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from sampan.backends.base import Float32Array, TokenLogprobs
from sampan.engine.sampling_params import SamplingParams
from sampan.errors import EngineError, OverloadedError
from sampan.server.answer import raise_failure
from sampan.server.fields import AdmissionFields
from sampan.server.security.client import current_client
from sampan.server.service import Service

WINDOW = 32  # prompts of one request that are with the engine at the same time: enough short ones to fill its steps


@dataclass(frozen=True, slots=True)
class PromptToRead:
    """Token ids, and what to read of them."""

    token_ids: Sequence[int]
    params: SamplingParams


@dataclass(slots=True)
class ReadPrompt:
    """What was read of a prompt; see `sampan.engine.outputs.EngineOutput`."""

    logprobs: list[TokenLogprobs] = field(default_factory=list)
    pooled: Float32Array | None = None


async def read_prompts(
    service: Service, prompts: Sequence[PromptToRead], request: AdmissionFields, cache_salt: str
) -> list[ReadPrompt]:
    """Reads all prompts, a window of them at a time. Cancelled, it takes those that are open back.

    The engine may be too busy for a prompt. While others of the request are open that one waits for them; so the work
    that was done for a request is not lost because of its size.

    Raises:
        RequestError, ContextLengthError, OverloadedError, EngineError, DeadlineError, UnavailableError: of any of them.
    """
    service.check_open()
    request_id, client = uuid.uuid4().hex, current_client.get()
    loop = asyncio.get_running_loop()
    deadline = None if request.timeout is None else loop.time() + request.timeout

    async def read(index: int) -> ReadPrompt:
        left = None if deadline is None else max(deadline - loop.time(), 0.0)
        prompt = prompts[index]
        outputs = await service.submit(
            f"{request_id}-{index}", prompt.token_ids, prompt.params, request, cache_salt=cache_salt, timeout=left
        )
        client.charge(len(prompt.token_ids))
        service.recorder.read(len(prompt.token_ids))
        result = ReadPrompt()
        async with aclosing(outputs):
            async for output in outputs:
                raise_failure(output)
                result.logprobs += output.prompt_logprobs
                result.pooled = output.pooled
                service.recorder.num_cached_tokens += output.num_cached_tokens if output.finish_reason else 0
                if output.finish_reason is not None:
                    return result
        raise EngineError("the engine ended a request without a word")

    results: dict[int, ReadPrompt] = {}
    waiting = deque(range(len(prompts)))
    running: dict[asyncio.Task[ReadPrompt], int] = {}
    is_busy = False
    try:
        while waiting or running:
            while waiting and len(running) < WINDOW and not is_busy:
                index = waiting.popleft()
                running[asyncio.create_task(read(index))] = index
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            finished = {running.pop(task): task for task in done}
            refused = {i: task for i, task in finished.items() if isinstance(task.exception(), OverloadedError)}
            results |= {i: task.result() for i, task in finished.items() if i not in refused}
            is_busy = len(refused) == len(finished)
            if is_busy and not running:
                next(iter(refused.values())).result()
            waiting.extendleft(sorted(refused, reverse=True))
    finally:
        await _cancel(running)
    return [results[index] for index in range(len(prompts))]


async def _cancel(tasks: dict[asyncio.Task[Any], int]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
