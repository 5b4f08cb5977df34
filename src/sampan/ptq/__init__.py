"""Quantisation after training: layer by layer, on a little text, so that what rounding spoils matters least.

Knows: calibration texts, the three methods (the packer's own search, SmoothQuant, GPTQ), how much each matrix loses,
which to keep wider, how to stop anywhere and go on. Refuses to know: how good the finished model is (whoever calls
measures that), kernels, terminals.

In memory are one layer's float32 weights, the statistics of one matrix's inputs, and a micro-batch; hidden states lie
in a file. Start reading at `layer_quantizer.py`.
"""

from sampan.ptq.calibration import OWN_CALIBRATION, Calibration, read_calibration
from sampan.ptq.recipe import METHODS, SCHEMES, Recipe
from sampan.ptq.result import MatrixError, Result
from sampan.ptq.run import quantize

__all__ = [
    "METHODS",
    "OWN_CALIBRATION",
    "SCHEMES",
    "Calibration",
    "MatrixError",
    "Recipe",
    "Result",
    "quantize",
    "read_calibration",
]
