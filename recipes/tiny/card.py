"""The model card, with the figures of the run that made the model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from recipes.tiny.corpus.network import FAQ
from recipes.tiny.corpus.tasks import TASKS
from recipes.tiny.steps import STAGES
from recipes.tiny.tokenizer import MAX_CONTEXT
from sampan.models import CausalLM

_TEMPLATE = Path(__file__).parent / "card.md"


def write_card(folder: Path, model: CausalLM, scores: Mapping[str, tuple[int, int]], seconds: float) -> None:
    """Writes `README.md` into `folder`."""
    config = model.config
    rows = [f"| {name} | {right} | {asked} | {right / asked:.1%} |" for name, (right, asked) in sorted(scores.items())]
    text = _TEMPLATE.read_text(encoding="utf-8").format(
        num_faqs=len(FAQ),
        num_tasks=len(TASKS),
        layers=config.num_hidden_layers,
        hidden=config.hidden_size,
        heads=config.num_attention_heads,
        kv_heads=config.num_key_value_heads,
        head_dim=config.head_dim,
        intermediate=config.intermediate_size,
        parameters=sum(parameter.size for parameter in model.parameters()) / 1e6,
        context=MAX_CONTEXT,
        vocab=config.vocab_size,
        samples=sum(stage.num_samples for stage in STAGES),
        steps=sum(stage.training.num_steps for stage in STAGES),
        stages=len(STAGES),
        minutes=seconds / 60,
        scores="\n".join(rows),
    )
    (folder / "README.md").write_text(text, encoding="utf-8")
