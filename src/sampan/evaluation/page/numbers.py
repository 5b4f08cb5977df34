"""Figures as people read them."""

from __future__ import annotations


def percent(share: float, digits: int = 2) -> str:
    """`98.59 %` for 0.9859."""
    return f"{100 * share:.{digits}f} %"


def signed_points(change: float) -> str:
    """`+1.7 %` for 0.017; a change of a share."""
    return f"{100 * change:+.1f} %" if change else "0 %"


def small(value: float) -> str:
    """Two significant digits, as `0.0011` or `4.0e-5`."""
    return f"{value:.2g}" if value == 0.0 or value >= 1e-4 else f"{value:.1e}"


def size(num_bytes: float) -> str:
    """`1.8 GB`, in decimal units."""
    for unit in ("B", "kB", "MB"):
        if num_bytes < 999.5:
            return f"{num_bytes:.3g} {unit}"
        num_bytes /= 1000
    return f"{num_bytes:.3g} GB"
