"""Packed models that lie in this process's memory alone."""

from __future__ import annotations

from sampan.checkpoint import Checkpoint
from sampan.quant.layout import data_size, lay_out, parts_of
from sampan.quant.model import PackedModel, view_tensors
from sampan.quant.packing import Report, pack_tensors
from sampan.quant.pages import anonymous_memory
from sampan.quant.requantised import Loss, summarize, tell
from sampan.quant.taking_over import formats_of


def pack_model(
    checkpoint: Checkpoint, precision: str, *, threads: int | None = None, report: Report | None = None
) -> PackedModel:
    """Packs a checkpoint without storing the result. The arguments and errors of `packed_model`."""
    precision, formats = formats_of(checkpoint, precision)
    parts = parts_of(checkpoint.config, formats)
    entries = lay_out(parts)
    memory = anonymous_memory(data_size(entries))
    losses: list[Loss] = []
    end = 0
    for packed in pack_tensors(checkpoint, parts, entries, threads=threads, report=report, losses=losses):
        begin, end = end, end + len(packed.data)
        memory[begin:end] = packed.data
    memory.flags.writeable = False
    found = summarize(losses)
    tell(checkpoint.path.name, found)
    tensors = view_tensors(memory, entries)
    return PackedModel(checkpoint.config, precision, formats, tensors, None, memory.nbytes, found)
