"""Turns a trained checkpoint into a model folder as every loader of Hugging Face models expects it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from sampan.checkpoint import write_checkpoint
from sampan.models import CausalLM, export_weights

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json")


def export(model: CausalLM, tokenizer_folder: Path, folder: Path) -> None:
    """Writes configuration, bfloat16 weights and tokenizer into `folder`."""
    write_checkpoint(folder, model.config, export_weights(model))
    for name in TOKENIZER_FILES:
        shutil.copyfile(tokenizer_folder / name, folder / name)
    eos_ids = list(model.config.eos_token_ids)
    generation = {
        "bos_token_id": model.config.bos_token_id,
        "eos_token_id": eos_ids,
        "pad_token_id": eos_ids[0],
        "do_sample": True,
        "temperature": 0.6,
        "top_p": 0.95,
    }
    (folder / "generation_config.json").write_text(json.dumps(generation, indent=2) + "\n", encoding="utf-8")
