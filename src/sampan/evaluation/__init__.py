"""How good a model is, and what it lost: the gate that a quantised model must pass.

Knows: next-token distributions of a reference and of others, texts and tasks with answers that can be checked, how sure
a figure is, the page that shows it all. Refuses to know: how weights are quantised, kernels, terminals.

One number decides, the loss: by how many per cent the perplexity of what the reference would write rises when the
candidate reads it, `100 * (exp(mean KL) - 1)`. See `Quality.check`.
"""

from sampan.evaluation.evaluate import evaluate
from sampan.evaluation.material import Material, Task, Text, read_material, read_texts
from sampan.evaluation.page import write_quality
from sampan.evaluation.quality import LayerError, Quality
from sampan.evaluation.subject import Subject

__all__ = [
    "LayerError",
    "Material",
    "Quality",
    "Subject",
    "Task",
    "Text",
    "evaluate",
    "read_material",
    "read_texts",
    "write_quality",
]
