"""How fast a model runs, and how fast this machine could run it.

Knows: what a step must at least read and multiply, how to time an engine's steps, how to read the machine's limits, how
to draw both in one picture. Refuses to know: kernels, text, terminals.
"""

from sampan.bench.limits import LimitReader
from sampan.bench.plan import Plan, Workload
from sampan.bench.roofline import roofline_svg
from sampan.bench.timing import Measurement, measure
from sampan.bench.work import Limits, ModelCost, Work

__all__ = [
    "LimitReader",
    "Limits",
    "Measurement",
    "ModelCost",
    "Plan",
    "Work",
    "Workload",
    "measure",
    "roofline_svg",
]
