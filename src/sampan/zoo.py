"""The models that Sampan knows by name. Data only; nothing here opens a file.

Shapes and token ids are those of the published configurations; sampling advice and licences are those of the
DeepSeek-R1 README: the weights are MIT, and the terms of the base model they were trained from go on to apply.
"""

from __future__ import annotations

import difflib
import reprlib
from dataclasses import dataclass
from functools import partial

from sampan.config import ModelConfig, RopeScaling
from sampan.errors import UnknownModelError

EMBEDDED_MODEL = "sampan-tiny"


@dataclass(frozen=True, slots=True)
class RecommendedSampling:
    """What the makers advise. R1 distills want no system prompt: instructions belong into the user's turn."""

    temperature: float = 0.6
    top_p: float = 0.95
    max_tokens: int = 32768
    system_prompt: bool = False


@dataclass(frozen=True, slots=True)
class ZooEntry:
    """One model.

    Args:
        name: what users type; also the name of its folder.
        aliases: short names.
        license: of the weights.
        base_license: of the model that they were made from, which goes on to apply; empty where there is none.
        config: None for the embedded model, whose folder comes with Sampan.
        huggingface_id, modelscope_id: repository names on the two hubs; empty for the embedded model.
    """

    name: str
    aliases: tuple[str, ...]
    license: str
    base_license: str = ""
    config: ModelConfig | None = None
    huggingface_id: str = ""
    modelscope_id: str = ""
    sampling: RecommendedSampling = RecommendedSampling()

    @property
    def is_embedded(self) -> bool:
        """Whether the model comes with Sampan and need not be fetched."""
        return self.name == EMBEDDED_MODEL

    @property
    def license_notice(self) -> str:
        """Both licences in a few words, for listings."""
        return f"{self.license} over {self.base_license}" if self.base_license else self.license

    @property
    def num_parameters(self) -> int | None:
        """Weights of the whole model; None for the embedded one, whose folder knows."""
        return None if self.config is None else self.config.num_parameters


_qwen = partial(ModelConfig, model_type="qwen2", head_dim=128, bos_token_id=151646, eos_token_ids=(151643,))
_llama = partial(
    ModelConfig,
    model_type="llama",
    vocab_size=128256,
    num_key_value_heads=8,
    head_dim=128,
    rms_norm_eps=1e-5,
    rope_theta=500000.0,
    rope_scaling=RopeScaling(),
    bos_token_id=128000,
    eos_token_ids=(128001,),
)


def _distill(base: str, size: str, base_license: str, config: ModelConfig) -> ZooEntry:
    repository = f"DeepSeek-R1-Distill-{base}-{size.upper()}"
    return ZooEntry(
        name=repository.lower(),
        aliases=(f"{base.lower()}-{size}", f"r1-{size}"),
        license="MIT",
        base_license=base_license,
        config=config,
        huggingface_id=f"deepseek-ai/{repository}",
        modelscope_id=f"deepseek-ai/{repository}",
    )


ZOO: tuple[ZooEntry, ...] = (
    ZooEntry(name=EMBEDDED_MODEL, aliases=("tiny",), license="Apache-2.0"),
    _distill(
        "Qwen",
        "1.5b",
        base_license="Apache-2.0",
        config=_qwen(
            vocab_size=151936,
            hidden_size=1536,
            intermediate_size=8960,
            num_hidden_layers=28,
            num_attention_heads=12,
            num_key_value_heads=2,
            rms_norm_eps=1e-6,
            rope_theta=10000.0,
        ),
    ),
    _distill(
        "Qwen",
        "7b",
        base_license="Apache-2.0",
        config=_qwen(
            vocab_size=152064,
            hidden_size=3584,
            intermediate_size=18944,
            num_hidden_layers=28,
            num_attention_heads=28,
            num_key_value_heads=4,
            rms_norm_eps=1e-6,
            rope_theta=10000.0,
        ),
    ),
    _distill(
        "Llama",
        "8b",
        base_license="llama3.1",
        config=_llama(
            hidden_size=4096,
            intermediate_size=14336,
            num_hidden_layers=32,
            num_attention_heads=32,
        ),
    ),
    _distill(
        "Qwen",
        "14b",
        base_license="Apache-2.0",
        config=_qwen(
            vocab_size=152064,
            hidden_size=5120,
            intermediate_size=13824,
            num_hidden_layers=48,
            num_attention_heads=40,
            num_key_value_heads=8,
            rms_norm_eps=1e-5,
            rope_theta=1000000.0,
        ),
    ),
    _distill(
        "Qwen",
        "32b",
        base_license="Apache-2.0",
        config=_qwen(
            vocab_size=152064,
            hidden_size=5120,
            intermediate_size=27648,
            num_hidden_layers=64,
            num_attention_heads=40,
            num_key_value_heads=8,
            rms_norm_eps=1e-5,
            rope_theta=1000000.0,
        ),
    ),
    _distill(
        "Llama",
        "70b",
        base_license="llama3.3",
        config=_llama(
            hidden_size=8192,
            intermediate_size=28672,
            num_hidden_layers=80,
            num_attention_heads=64,
        ),
    ),
)

_BY_NAME = {
    spelling.lower(): entry
    for entry in ZOO
    for spelling in (entry.name, *entry.aliases, entry.huggingface_id, entry.modelscope_id)
    if spelling
}


def shown(name: str) -> str:
    """What was typed, for an error message: quoted, and cut where someone typed a prompt in place of a name."""
    shortener = reprlib.Repr()
    shortener.maxstring = 80
    return shortener.repr(name)


def find(name: str) -> ZooEntry:
    """The entry of that name, alias or hub id; case does not matter.

    Raises:
        UnknownModelError: there is none; the remedy names the nearest ones.
    """
    entry = _BY_NAME.get(name.lower())
    if entry is None:
        near = difflib.get_close_matches(name.lower(), list(_BY_NAME), n=6, cutoff=0.5)
        names = list(dict.fromkeys(_BY_NAME[spelling].name for spelling in near))[:3]
        remedy = f"did you mean {' or '.join(names)}?" if names else f"known names: {', '.join(e.name for e in ZOO)}"
        raise UnknownModelError(f"no model is called {shown(name)}", remedy=remedy)
    return entry
