"""How fast a model runs, and how fast this machine could run it.

Knows: what a step must at least read and multiply, how to time steps, how to read the machine's limits and to draw both
in one picture. Refuses to know: kernels, terminals, files.
"""

from sampan.bench.limits import LimitReader, Limits
from sampan.bench.measure import Measurement, Workload, measure
from sampan.bench.roofline import roofline_svg
from sampan.bench.work import ModelCost, Work

__all__ = ["LimitReader", "Limits", "Measurement", "ModelCost", "Work", "Workload", "measure", "roofline_svg"]
