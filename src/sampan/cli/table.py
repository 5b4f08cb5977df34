"""The command table. Only the module of the verb that was asked for is imported."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import NamedTuple


class Verb(NamedTuple):
    """Where a verb's function lives, and its line in `sampan --help`."""

    module: str
    function: str
    help: str

    def load(self) -> Callable[..., int]:
        """Imports the verb's module; its function returns the exit code."""
        function: Callable[..., int] = getattr(import_module(self.module), self.function)
        return function


VERBS = {
    "generate": Verb("sampan.cli.generate", "generate", "answer one prompt"),
    "chat": Verb("sampan.cli.chat", "chat", "talk with a model in the terminal"),
    "serve": Verb("sampan.cli.serve", "serve", "answer over HTTP, in OpenAI's protocol"),
    "key": Verb("sampan.cli.key", "key", "make, list and revoke API keys for serve"),
    "pull": Verb("sampan.cli.pull", "pull", "fetch a model from Hugging Face, ModelScope or a mirror"),
    "list": Verb("sampan.cli.list_models", "list_models", "show the models that are here and those to pull"),
    "show": Verb("sampan.cli.show", "show", "show one model: shape, memory, template, licence"),
    "rm": Verb("sampan.cli.rm", "rm", "remove a model and what was packed from it"),
    "quantize": Verb("sampan.cli.quantize", "quantize", "make a model smaller so that it loses little"),
    "convert": Verb("sampan.cli.convert", "convert", "write a model as safetensors, pdparams or GGUF"),
    "bench": Verb("sampan.cli.bench", "bench", "measure speed, and how near the machine's limits it is"),
    "eval": Verb("sampan.cli.eval", "evaluate", "measure what a model lost; the gate of a quantised one"),
    "doctor": Verb("sampan.cli.doctor", "doctor", "check this machine, or a model; every finding has a remedy"),
}
