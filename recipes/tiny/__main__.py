"""Makes the embedded model from nothing: corpus, tokenizer, training, export, evaluation, model card.

    python -m recipes.tiny [--work FOLDER] [--into FOLDER]

May be interrupted at any time; the next call goes on from the last checkpoint.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

# Read by libraries when they are loaded, so the process starts itself again with them. Without the first, Paddle's MKL
# takes its slowest path on AMD and matrix products take two to four times as long. With the others, the freed memory
# of large tensors is used again instead of being given back to the kernel and faulted in anew.
ENVIRONMENT = {
    "MKL_DEBUG_CPU_TYPE": "5",
    "MALLOC_MMAP_THRESHOLD_": str(4 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(8 << 30),
    "MALLOC_TOP_PAD_": str(256 << 20),
}
_REPOSITORY = Path(__file__).parents[2]


def main() -> None:
    """Runs every step that is not done yet."""
    parser = argparse.ArgumentParser(prog="python -m recipes.tiny", description="Make the embedded model from nothing.")
    parser.add_argument("--work", type=Path, default=_REPOSITORY / "runs" / "tiny", help="where checkpoints lie")
    parser.add_argument(
        "--into",
        type=Path,
        default=_REPOSITORY / "src" / "sampan" / "assets" / "sampan-tiny",
        help="the finished model folder; default: the embedded one",
    )
    arguments = parser.parse_args()
    if any(os.environ.get(name) != value for name, value in ENVIRONMENT.items()):
        os.execve(sys.executable, [sys.executable, "-m", "recipes.tiny", *sys.argv[1:]], {**os.environ, **ENVIRONMENT})
    # Paddle is loaded by these, so they come after the environment is right.
    from recipes.tiny.card import write_card
    from recipes.tiny.evaluate import evaluate
    from recipes.tiny.export import export
    from recipes.tiny.steps import make_tokenizer, train_model

    tokenizer = make_tokenizer(arguments.work)
    model, seconds = train_model(arguments.work, tokenizer)
    export(model, arguments.work / "tokenizer", arguments.into)
    scores = evaluate(arguments.into)
    write_card(arguments.into, model, scores, seconds)


if __name__ == "__main__":
    main()
