"""What the paths that read prompts answer, for `/openapi.json`."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel


class ReadUsage(BaseModel):
    """Tokens of a request that draws none."""

    prompt_tokens: int
    total_tokens: int


class Embedding(BaseModel):
    """A vector of length 1, as numbers or as the base64 of little-endian float32."""

    object: Literal["embedding"]
    index: int
    embedding: list[float] | str


class EmbeddingList(BaseModel):
    """In the order of the inputs."""

    object: Literal["list"]
    data: list[Embedding]
    model: str
    usage: ReadUsage


class RankedDocument(BaseModel):
    """A document's text."""

    text: str


class RankedResult(BaseModel):
    """A document, by its place in the request."""

    index: int
    relevance_score: float
    document: RankedDocument | None = None


class RerankResponse(BaseModel):
    """The most relevant document first."""

    id: str
    model: str
    results: list[RankedResult]
    usage: ReadUsage


class ScoreResult(BaseModel):
    """How well the texts of one pair fit."""

    index: int
    object: Literal["score"]
    score: float


class ScoreResponse(BaseModel):
    """In the order of the pairs."""

    id: str
    object: Literal["list"]
    created: int
    model: str
    data: list[ScoreResult]
    usage: ReadUsage
