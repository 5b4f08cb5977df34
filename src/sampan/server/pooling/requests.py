"""What the paths that read prompts take."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AliasChoices, Field

from sampan.server.fields import MAX_COUNT, AdmissionFields, ModelName, RequestModel, TokenIds

MAX_INPUTS = 2048  # OpenAI's bound
MAX_DOCUMENTS = 1000  # Cohere's

Text = Annotated[str, Field(min_length=1)]
Texts = Annotated[list[Text], Field(min_length=1, max_length=MAX_DOCUMENTS)]
Kept = Annotated[int, Field(ge=1, le=MAX_COUNT)]


class ReadRequest(AdmissionFields):
    """What these requests have in common."""

    model: ModelName | None = None
    cache_salt: str | None = Field(default=None, max_length=256)  # cached prompts are shared under equal salts only


class EmbeddingRequest(ReadRequest):
    """`POST /v1/embeddings`. Of longer inputs, the last `truncate_prompt_tokens` tokens are taken; -1: as many as fit.
    `pooling` is Sampan's own field."""

    input: (
        Text
        | TokenIds
        | Annotated[list[Text], Field(min_length=1, max_length=MAX_INPUTS)]
        | Annotated[list[TokenIds], Field(min_length=1, max_length=MAX_INPUTS)]
    )
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: int | None = Field(default=None, ge=1, le=MAX_COUNT)
    truncate_prompt_tokens: Literal[-1] | Kept | None = None
    pooling: Literal["mean", "last"] | None = None


class DocumentFields(RequestModel):
    """A document as an object."""

    text: Text


class RerankRequest(ReadRequest):
    """`POST /rerank`. Of longer documents, the first `max_tokens_per_doc` tokens are taken."""

    query: Text
    documents: list[Text | DocumentFields] = Field(min_length=1, max_length=MAX_DOCUMENTS)
    top_n: int | None = Field(default=None, ge=1, le=MAX_COUNT)
    return_documents: bool | None = None
    max_tokens_per_doc: Kept | None = None


class ScoreRequest(ReadRequest):
    """`POST /score`. One query for all documents, or one for each."""

    text_1: Text | Texts = Field(validation_alias=AliasChoices("text_1", "queries"))
    text_2: Text | Texts = Field(validation_alias=AliasChoices("text_2", "documents"))
