"""The one exception tree of Sampan.

::

    SampanError                     anything that Sampan itself reports
    ├── UsageError                  what the caller gave cannot be used; the remedy says what can
    │   ├── UnknownModelError       no zoo entry, directory or file of that name
    │   ├── CheckpointError         a model folder or weight file is absent, damaged or of the wrong shape
    │   ├── TokenizerError          tokenizer files are absent, damaged or do not fit the model
    │   ├── ConfigError             a configuration value is out of range
    │   └── RequestError            one request is malformed or asks for what the model cannot do
    │       ├── ContextLengthError  prompt and answer together do not fit the context
    │       ├── UnknownAnswerError  no answer of that id is being written
    │       └── UnsupportedError    the request is well formed, but this version lacks what it asks for
    ├── OverloadedError             the queue is full: come back later
    ├── UnavailableError            loading or shutting down: come back later or go elsewhere
    ├── DeadlineError               the time that the client allowed has passed
    ├── HubError                    a model hub cannot be reached, refuses, or sends what it should not
    ├── QualityError                a model loses more than is allowed
    └── EngineError                 the engine failed or is gone

Every message is one line that names the thing at fault; `remedy` is one line that says what to do. The command line
prints both and exits with `exit_code` (1 failure, 2 wrong use); the server maps classes to HTTP status in one table.
"""

from __future__ import annotations


class SampanError(Exception):
    """Base of everything that Sampan raises on purpose.

    Args:
        message: one line that names the thing at fault.
        remedy: one line that says what the reader can do about it; may be empty.
    """

    exit_code = 1

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} ({self.remedy})" if self.remedy else self.message


class UsageError(SampanError):
    """What the caller gave cannot be used."""

    exit_code = 2


class UnknownModelError(UsageError):
    """No zoo entry, directory or file has that name."""


class CheckpointError(UsageError):
    """A model folder or a weight file is absent, damaged, or does not fit its configuration."""


class TokenizerError(UsageError):
    """Tokenizer files are absent, damaged, or do not fit the model."""


class ConfigError(UsageError):
    """A configuration value is out of range; the message names the field."""


class RequestError(UsageError):
    """One request is malformed or asks for what the model cannot do.

    Args:
        param: the name of the request field at fault, as the client spelled it; None where no single field is.
    """

    def __init__(self, message: str, *, param: str | None = None, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.param = param


class ContextLengthError(RequestError):
    """Prompt and answer together do not fit the model's context."""

    @classmethod
    def of(cls, prompt_len: int, answer_len: int, context_len: int) -> ContextLengthError:
        """All three in tokens."""
        return cls(
            f"{prompt_len} prompt tokens and max_tokens={answer_len} exceed the context of {context_len} tokens",
            param="max_tokens" if prompt_len < context_len else "prompt",
            remedy="shorten the prompt or ask for fewer tokens",
        )


class UnknownAnswerError(RequestError):
    """No answer of that id is being written."""


class UnsupportedError(RequestError):
    """The request is well formed, but this version of Sampan lacks what it asks for."""


class OverloadedError(SampanError):
    """The queue is full. `retry_after` is in seconds."""

    def __init__(self, message: str, *, retry_after: float = 1.0, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.retry_after = retry_after

    @classmethod
    def of_queue(cls, retry_after: float) -> OverloadedError:
        """The engine's queue is full."""
        remedy = "try again when the seconds of the Retry-After header have passed"
        return cls("too many requests wait", retry_after=retry_after, remedy=remedy)


class UnavailableError(SampanError):
    """The service is loading or shutting down and takes no new request."""


class DeadlineError(SampanError):
    """The time that the client allowed has passed before its answer was complete."""


class HubError(SampanError):
    """A model hub cannot be reached, refuses, or sends something else than it announced."""


class QualityError(SampanError):
    """A model loses more than is allowed; it is not published."""


class EngineError(SampanError):
    """The engine failed or is gone."""
