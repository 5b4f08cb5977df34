"""Python's collector of reference cycles in a process that serves."""

from __future__ import annotations

import gc

THRESHOLDS = (20_000, 20, 20)  # Python's own are made for programs that end: (700, 10, 10) or the like


def spare_what_is_loaded() -> None:
    """To be called once all is loaded: it lives as long as the process, so the collector need never look at it again.

    Libraries and tokenizers are hundreds of thousands of objects, and looking at them took a fifth of a worker's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
