"""How many threads are worth having."""

from __future__ import annotations

import math

from sampan.machine import read_processor


def default_threads() -> int:
    """Physical cores that this process may use, within the container's CPU quota.

    Two threads on one core share its vector units, so that a kernel gains nothing from the second.
    """
    processor = read_processor()
    return max(1, min(processor.physical, math.ceil(processor.quota or processor.physical)))
