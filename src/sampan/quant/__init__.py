"""From a checkpoint's weights to what the native kernels read: packed once, kept on disk, mapped ever after.

Knows: the packed layout, how weights are quantised or taken over, the packed store and where it lies. Refuses to know:
what is computed with a weight, terminals.
"""

from sampan.quant.cache import Progress, packed_model
from sampan.quant.dummy import dummy_model
from sampan.quant.layout import PRECISIONS
from sampan.quant.memory import pack_model
from sampan.quant.model import PackedModel
from sampan.quant.taking_over import AUTO, DEFAULT_PRECISION

__all__ = [
    "AUTO",
    "DEFAULT_PRECISION",
    "PRECISIONS",
    "PackedModel",
    "Progress",
    "dummy_model",
    "pack_model",
    "packed_model",
]
