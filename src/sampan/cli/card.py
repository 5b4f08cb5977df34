"""A model's card in the terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sampan.cli.output import UNLIMITED
from sampan.cli.sizes import human_bytes, human_count
from sampan.cli.terminal import printable
from sampan.machine import read_memory

if TYPE_CHECKING:
    from rich.table import Table

    from sampan.examination import ModelCard


def print_card(card: ModelCard, asked_for: str) -> None:
    """A frame with the facts, the memory that it takes, and what is wrong with it, if anything is.

    Args:
        asked_for: what the user called the model.
    """
    from rich.console import Console, Group
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    facts = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    for label, value in _facts(card):
        facts.add_row(label, Text(printable(value, lines=False)))
    parts: list[Table | Text] = [facts]
    if card.memory:
        free = read_memory().available
        parts += [Text(), _memory(card, free)]
        if any(size > free for sizes in card.memory.values() for size in sizes.values()):
            parts.append(Text(f"of this machine's memory {human_bytes(free)} are free", style="dim"))
    for problem in card.problems:
        parts += [Text(), Text(printable(problem, lines=False), style="red")]
    if card.problems:
        parts.append(Text(f"sampan doctor {printable(asked_for, lines=False)}", style="dim"))
    console = Console(highlight=False, width=None if sys.stdout.isatty() else UNLIMITED)
    title = Text(printable(card.name, lines=False), style="bold")
    with console.capture() as capture:
        console.print(Panel(Group(*parts), title=title, title_align="left", expand=False, padding=(1, 2)))
    print("\n".join(line.rstrip() for line in capture.get().splitlines()))


def _facts(card: ModelCard) -> Iterator[tuple[str, str]]:
    shape = card.shape
    if shape is not None:
        size = f"{human_count(card.parameters or 0)} parameters" if card.parameters else ""
        yield "model", f"{shape.model_type}, {size}"
        heads = f"{shape.num_attention_heads} heads over {shape.num_key_value_heads} for keys and values"
        yield "shape", f"{shape.num_hidden_layers} layers, {shape.hidden_size:,} wide, {heads}"
        rows = f" of {shape.vocab_size:,} rows" if card.tokens not in (None, shape.vocab_size) else ""
        yield "vocabulary", f"{card.tokens or shape.vocab_size:,} tokens{rows}"
        yield "context", f"{shape.max_position_embeddings:,} tokens"
    stored = ", ".join(f"{dtype} {share:.0%}" if share < 0.9995 else dtype for dtype, share in card.stored.items())
    files = (
        f"{card.num_files} {card.form} {'file' if card.num_files == 1 else 'files'}" if card.num_files else "no weights"
    )
    yield "on disk", ", ".join(filter(None, [human_bytes(card.bytes_on_disk), files, stored]))
    if card.template is not None:
        remarks = {"February 2025": "opens the thought", "January 2025": "Sampan opens the thought"}
        remark = remarks.get(card.template)
        yield "template", f"{card.template} ({remark})" if remark else "not that of an R1 distill"
    if card.stop_tokens:
        yield "stops at", ", ".join(f"{text} {token_id}" for token_id, text in card.stop_tokens.items())
    sampling = ", ".join(f"{name} {value:g}" for name, value in card.sampling.items())
    yield "sampling", sampling or "no advice: temperature 1"
    yield "licence", card.license or "not stated"
    if card.source or card.revision:
        yield "source", " at ".join(filter(None, [card.source, card.revision[:12]]))
    yield "path", card.path


def _memory(card: ModelCard, free: int) -> Table:
    """What would not fit into the `free` memory is dim."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 3, 0, 0))
    lengths = next(iter(card.memory.values()))
    table.add_column("memory", no_wrap=True)
    for length in lengths:
        table.add_column("weights" if length == "weights" else f"{int(length):,} tokens", justify="right")
    for precision, sizes in card.memory.items():
        chosen = precision == ("auto" if "auto" in card.memory else card.served_as)
        cells = [Text(human_bytes(size), style="dim" if size > free else "") for size in sizes.values()]
        table.add_row(
            f"{precision} (auto)" if chosen and precision != "auto" else precision,
            *cells,
            style="bold" if chosen else None,
        )
    return table
