"""The report's plots; each takes what was measured and returns an encoded PNG."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ...decision.intervals import wilson_interval
from ...decision.scores import Float64Array
from ...metrics.figures import Figure
from ...metrics.open_set import Curve, det, oscr_curve
from ...metrics.reliability import reliability
from ...metrics.trials import Trials
from ...metrics.verification import roc
from ..comparing import Comparison
from ..drawing import style

BINS = 40


@style.styled
def det_plot(trials: Trials, target_fpir: float) -> bytes:
    """FPIR against FNIR on logarithmic axes, by score and by similarity alone."""
    canvas, axes = style.axes()
    known, strangers = trials.known, trials.strangers
    lowest = 1.0 / len(strangers)
    for name, colour, ours, theirs in (
        ("similarity alone", style.GREY, known.similarities, strangers.similarities),
        ("this gallery's decision", style.BLUE, known.scores, strangers.scores),
    ):
        fpir, fnir = det(ours, known.correct, theirs)
        axes.step(np.maximum(fpir, lowest / 2), fnir, where="post", color=colour, label=name)
    reached = float(np.mean(strangers.scores >= 0))
    missed = 1.0 - float(np.mean(known.correct & (known.scores >= 0)))
    axes.plot(
        max(reached, lowest / 2), missed, "o", color=style.BLUE, markersize=8,
        label="at the gallery's own thresholds",
    )  # fmt: skip
    axes.axvline(target_fpir, color=style.ORANGE, linestyle="--", linewidth=1.4,
                 label=f"target FPIR {target_fpir * 100:g} %")  # fmt: skip
    axes.set_xscale("log")
    axes.set_xlim(lowest, 1.0)
    _percent_x(axes, lowest)
    axes.set_ylim(0, 1)
    _percent_y(axes)
    axes.set_xlabel("strangers that get a label (FPIR)")
    axes.set_ylabel("known things missed (FNIR)")
    axes.legend(loc="lower left", fontsize=9)
    return style.png(canvas)


@style.styled
def oscr_plot(trials: Trials) -> bytes:
    """The open-set classification rate, by score and by similarity alone."""
    canvas, axes = style.axes()
    known, strangers = trials.known, trials.strangers
    lowest = 1.0 / len(strangers)
    for name, colour, ours, theirs in (
        ("similarity alone", style.GREY, known.similarities, strangers.similarities),
        ("this gallery's decision", style.BLUE, known.scores, strangers.scores),
    ):
        curve = oscr_curve(ours, known.correct, theirs)
        axes.step(np.maximum(curve.x, lowest / 2), curve.y, where="post", color=colour, label=name)
    axes.axhline(float(np.mean(known.correct)), color=style.FAINT, linestyle=":", linewidth=1.4,
                 label="top-1, if everything were accepted")  # fmt: skip
    axes.set_xscale("log")
    axes.set_xlim(lowest, 1.0)
    _percent_x(axes, lowest)
    axes.set_ylim(0, 1)
    _percent_y(axes)
    axes.set_xlabel("strangers that get a label (FPIR)")
    axes.set_ylabel("known things named right (CCR)")
    axes.legend(loc="upper left", fontsize=9)
    return style.png(canvas)


@style.styled
def similarity_plot(trials: Trials) -> bytes:
    """How similar genuine pairs, impostor pairs and strangers are."""
    canvas, axes = style.axes()
    known, strangers = trials.known, trials.strangers
    groups = (
        ("query and its own class", style.GREEN, known.genuine),
        ("query and another class", style.GREY, known.impostors),
        ("stranger and its nearest class", style.ORANGE, strangers.similarities),
    )
    shown = [(name, colour, v[np.isfinite(v)]) for name, colour, v in groups]
    shown = [(name, colour, values) for name, colour, values in shown if values.size]
    edges = _edges([values for _, _, values in shown])
    for name, colour, values in shown:
        share = np.ones(values.size) / values.size
        axes.hist(values, edges, weights=share, color=colour, alpha=0.28)
        axes.hist(values, edges, weights=share, color=colour, histtype="step",
                  linewidth=1.8, label=name)  # fmt: skip
    _percent_y(axes)
    axes.set_xlabel("similarity (cosine in the searched space)")
    axes.set_ylabel("share of pairs")
    axes.legend(loc="upper left", fontsize=9)
    axes.margins(y=0.28)
    return style.png(canvas)


@style.styled
def threshold_plot(thresholds: Float64Array) -> bytes:
    """The thresholds of all classes."""
    canvas, axes = style.axes()
    axes.hist(thresholds, _edges([thresholds]), color=style.BLUE, alpha=0.75)
    middle = float(np.median(thresholds))
    axes.axvline(middle, color=style.INK, linewidth=1.4, linestyle="--",
                 label=f"median {middle:.3f}")  # fmt: skip
    axes.set_xlabel("threshold (score that the class accepts from)")
    axes.set_ylabel("classes")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(loc="upper left", fontsize=9)
    axes.margins(y=0.15)
    return style.png(canvas)


@style.styled
def reliability_plot(reached: dict[float, Figure]) -> bytes:
    """The FPIR asked for against the FPIR reached, with intervals."""
    canvas, axes = style.axes()
    points = [(target, f) for target, f in reached.items() if f.value is not None]
    targets = np.array([target for target, _ in points])
    values, lows, highs = (
        np.array([getattr(figure, part) for _, figure in points], np.float64)
        for part in ("value", "low", "high")
    )
    floor = float(targets.min()) / 10
    axes.plot([floor, 1], [floor, 1], color=style.FAINT, linestyle="--", linewidth=1.4,
              label="as promised")  # fmt: skip
    axes.fill_between([floor, 1], [floor, 1], 1, color=style.ORANGE, alpha=0.07, linewidth=0)
    at = np.maximum(values, floor)
    axes.errorbar(
        targets, at, yerr=[at - np.clip(lows, floor, at), np.maximum(highs - at, 0)],
        fmt="o-", color=style.BLUE, capsize=4, label="reached, with its 95 % interval",
    )  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(targets.min() / 1.6, min(1.0, targets.max() * 1.6))
    axes.set_ylim(floor, 1)
    _percent_x(axes, float(targets.min()) / 1.6)
    ticks, names = style.percent_ticks(floor, 1)
    axes.set_yticks(ticks, names)
    axes.minorticks_off()
    axes.set_xlabel("strangers that may get a label (target FPIR)")
    axes.set_ylabel("strangers that did (FPIR reached)")
    axes.legend(loc="upper left", fontsize=9)
    return style.png(canvas)


@style.styled
def roc_plot(trials: Trials, eer: float) -> bytes:
    """Verification: false accepts against true accepts of pairs."""
    canvas, axes = style.axes()
    curve: Curve = roc(*trials.known.pair_scores)
    axes.plot(curve.x, curve.y, color=style.BLUE, label="pairs of query and catalog picture")
    axes.plot([0, 1], [1, 0], color=style.FAINT, linewidth=1.2, linestyle=":")
    axes.plot(eer, 1 - eer, "o", color=style.ORANGE, markersize=8,
              label=f"equal errors: {eer * 100:.1f} %")  # fmt: skip
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(-0.01, 1.01)
    ticks, names = [0, 0.25, 0.5, 0.75, 1.0], ["0 %", "25 %", "50 %", "75 %", "100 %"]
    axes.set_xticks(ticks, names)
    axes.set_yticks(ticks, names)
    axes.set_xlabel("different things taken for the same (FAR)")
    axes.set_ylabel("same things taken for the same")
    axes.legend(loc="lower right", fontsize=9)
    return style.png(canvas)


@style.styled
def probability_plot(trials: Trials) -> bytes:
    """The Siamese head's probabilities against the share of genuine pairs, with intervals."""
    canvas, axes = style.axes()
    told = np.concatenate(trials.known.pair_scores)
    curve = reliability(told, np.arange(told.size) < len(trials.known))
    bounds = [wilson_interval(*point) for point in zip(curve.true, curve.counts, strict=True)]
    lows, highs = np.array([bound or (0.0, 1.0) for bound in bounds]).T
    axes.plot([0, 1], [0, 1], color=style.FAINT, linestyle="--", linewidth=1.4,
              label="as it says")  # fmt: skip
    share = curve.counts / curve.counts.sum()
    axes.bar(curve.told, share, width=0.04, color=style.GREY, alpha=0.35, label="share of pairs")
    axes.errorbar(
        curve.told, curve.true,
        yerr=[np.maximum(curve.true - lows, 0), np.maximum(highs - curve.true, 0)],
        fmt="o-", color=style.BLUE, capsize=4, label="genuine, with its 95 % interval",
    )  # fmt: skip
    axes.set_xlim(-0.03, 1.03)
    axes.set_ylim(0, 1.03)
    axes.xaxis.set_major_formatter(lambda share, _: f"{share * 100:.3g} %")
    _percent_y(axes)
    axes.set_xlabel("probability told")
    axes.set_ylabel("pairs that were genuine")
    axes.legend(loc="upper left", fontsize=9)
    return style.png(canvas)


@style.styled
def comparison_plot(comparison: Comparison) -> bytes:
    """TPIR of each lever at the comparison's FPIR, with intervals; the baseline in grey."""
    assert comparison.fpir is not None
    rows = comparison.rows[::-1]
    canvas, axes = style.axes(7.2, 1.1 + 0.5 * len(rows))
    figures = [row.figures[f"fnir_at_fpir_{comparison.fpir:g}"] for row in rows]
    values, lows, highs = (
        1.0 - np.array([getattr(figure, part) for figure in figures], np.float64)
        for part in ("value", "high", "low")
    )
    colours = [style.BLUE] * (len(rows) - 1) + [style.FAINT]
    errors = [np.maximum(values - lows, 0), np.maximum(highs - values, 0)]
    axes.barh([row.lever.name for row in rows], values, xerr=errors, color=colours, height=0.6,
              error_kw={"ecolor": style.INK, "capsize": 3, "linewidth": 1.2})  # fmt: skip
    for place, (value, high) in enumerate(zip(values, highs, strict=True)):
        axes.text(max(value, high) + 0.012, place, f"{value * 100:.1f} %", va="center", fontsize=10)
    axes.set_xlim(0, min(1.08, float(highs.max()) * 1.2 + 0.03))
    axes.xaxis.set_major_formatter(lambda share, _: f"{share * 100:.3g} %")
    axes.set_xlabel(f"known things identified at {comparison.fpir * 100:g} % FPIR (TPIR)")
    axes.grid(visible=False, axis="y")
    return style.png(canvas)


def _edges(groups: list[Float64Array]) -> list[float]:
    low, high = min(g.min() for g in groups), max(g.max() for g in groups)
    margin = max(0.01, 0.03 * float(high - low))
    edges: list[float] = np.linspace(low - margin, high + margin, BINS + 1).tolist()
    return edges


def _percent_x(axes: Axes, low: float) -> None:
    axes.set_xticks(*style.percent_ticks(low, 1.0))
    axes.minorticks_off()


def _percent_y(axes: Axes) -> None:
    axes.yaxis.set_major_formatter(lambda share, _: f"{share * 100:.3g} %")
