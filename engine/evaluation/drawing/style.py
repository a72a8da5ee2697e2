"""One look for every plot: light, plain, and readable at half its size."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable
from typing import Any, ParamSpec

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

P = ParamSpec("P")

INK = "#1f2933"
FAINT = "#9aa5b1"
GRID = "#e4e7eb"
BLUE = "#2563eb"
ORANGE = "#e07a1f"
GREEN = "#15803d"
GREY = "#8792a2"
DPI = 144
MOST_TICKS = 8

_RC: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "legend.edgecolor": "none",
    "legend.framealpha": 0.85,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.minor.visible": False,
    "ytick.minor.visible": False,
    "lines.linewidth": 2.0,
}


def styled(draw: Callable[P, bytes]) -> Callable[P, bytes]:
    """A function that draws in this style, and leaves the process's own settings as they are."""

    @functools.wraps(draw)
    def drawn(*given: P.args, **named: P.kwargs) -> bytes:
        with mpl.rc_context(_RC):
            return draw(*given, **named)

    return drawn


def axes(width: float = 5.2, height: float = 3.7) -> tuple[Canvas, Axes]:
    """An empty plot of that size in inches."""
    canvas = Canvas(figsize=(width, height), layout="constrained")
    return canvas, canvas.add_subplot()


def png(canvas: Canvas) -> bytes:
    """The plot as an encoded picture."""
    buffer = io.BytesIO()
    canvas.savefig(buffer, format="png", dpi=DPI, facecolor="white")
    return buffer.getvalue()


def percent_ticks(low: float, high: float) -> tuple[list[float], list[str]]:
    """Round shares for a logarithmic axis and what to call them."""
    shares = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0]
    shown = [share for share in shares if low <= share <= high]
    if len(shown) > MOST_TICKS:
        shown = [share for share in shown if share in (0.001, 0.01, 0.1, 1.0)]
    return shown, [f"{share * 100:g} %" for share in shown]
