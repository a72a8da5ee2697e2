"""An explanation as one picture: the query, its candidates, and where the line is drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from PIL import Image

from ..drawing import style
from ..drawing.thumbnails import thumbnail
from .explain import CandidateEvidence, Explanation, FoundEvidence
from .matched import matched

SIDE = 256
LABEL_WIDTH = 18
BINS = 36


@style.styled
def explanation_plot(explanation: Explanation) -> bytes:
    """The encoded PNG."""
    shown = explanation.candidates[:5]
    found = explanation.found
    canvas = Canvas(figsize=(11.0, 6.7 if found is None else 10.2), layout="constrained")
    ratios = [0.95, 1.15] if found is None else [1.0, 0.95, 1.15]
    parts: Any = canvas.subfigures(len(ratios), 1, height_ratios=ratios)
    *above, top, bottom = parts
    if found is not None:
        _found(above[0].subplots(), explanation, found)
    tiles = top.subplots(1, 1 + max(1, len(shown)), squeeze=False)[0]
    decision = explanation.decision
    title = decision.label if decision.label is not None else "unknown"
    _picture(tiles[0], thumbnail(explanation.query, SIDE), style.INK)
    tiles[0].set_title("this picture", fontsize=11, fontweight="bold")
    tiles[0].set_xlabel("decided:\n" + _short(title), fontsize=11, fontweight="bold",
                        color=style.GREEN if decision.known else style.ORANGE)  # fmt: skip
    for place, (axes, evidence) in enumerate(zip(tiles[1:], shown, strict=False)):
        _candidate(axes, evidence, explanation, first=place == 0)
    for axes in tiles[1 + len(shown) :]:
        axes.set_axis_off()
    _distributions(bottom.subplots(), explanation)
    return style.png(canvas)


def _found(axes: Axes, explanation: Explanation, found: FoundEvidence) -> None:
    decision = explanation.decision
    colour = style.GREEN if decision.known else style.ORANGE
    axes.imshow(np.asarray(matched(explanation.query, found, colour)))
    axes.set_axis_off()
    threshold = decision.threshold or 0.0
    carried = decision.known and found.score_without < threshold
    axes.set_title(
        f"local features found {_short(decision.candidates[0].label)!r}: {found.match.inliers} "
        f"points agree, on {100 * found.match.share:.0f} % of it\n"
        f"score {decision.score:.3f}, by similarity alone {found.score_without:.3f}, "
        f"threshold {threshold:.3f}" + (": they carried the decision" if carried else ""),
        fontsize=11,
    )


def _candidate(
    axes: Axes, evidence: CandidateEvidence, explanation: Explanation, *, first: bool
) -> None:
    known = explanation.decision.known
    edge = (style.GREEN if known else style.ORANGE) if first else style.GRID
    text = evidence.candidate.text
    instead = "no picture\nkept" if text is None else f"the text\n{_short(text)!r}"
    _picture(axes, thumbnail(evidence.picture, SIDE), edge, instead)
    axes.set_title(_short(evidence.candidate.label), fontsize=11)
    lines = [
        f"similarity {evidence.candidate.similarity:.3f}",
        *([] if evidence.normalized is None else [f"normalised {evidence.normalized:+.1f} sd"]),
        f"threshold {evidence.threshold:.3f}",
    ]
    if first and explanation.decision.score is not None:
        lines.insert(-1, f"score {explanation.decision.score:.3f}")
    axes.set_xlabel("\n".join(lines), fontsize=10)


def _picture(axes: Axes, picture: Image.Image | None, edge: str, instead: str = "") -> None:
    axes.grid(visible=False)
    axes.set_xticks([])
    axes.set_yticks([])
    if picture is None:
        picture = Image.new("RGB", (SIDE, SIDE), style.GRID)
        axes.text(SIDE / 2, SIDE / 2, instead, ha="center", va="center", fontsize=10)
    axes.imshow(np.asarray(picture))
    for spine in axes.spines.values():
        spine.set_visible(True)
        spine.set_color(edge)
        spine.set_linewidth(2.0)


def _distributions(axes: Axes, explanation: Explanation) -> None:
    decision = explanation.decision
    if decision.similarity is None or decision.score is None or decision.threshold is None:
        axes.set_axis_off()
        axes.text(0.5, 0.5, "nothing is enrolled", ha="center", va="center")
        return
    nearest = _short(decision.candidates[0].label)
    groups = [
        (explanation.impostors, style.ORANGE, f"pictures of other things to {nearest!r}"),
        (
            explanation.genuine,
            style.GREEN,
            "changed views of its own example (an upper bound)",
        ),
    ]
    values = np.concatenate([explanation.impostors, explanation.genuine, [decision.similarity]])
    margin = max(0.01, 0.03 * float(np.ptp(values)))
    edges = np.linspace(values.min() - margin, values.max() + margin, BINS + 1).tolist()
    for group, colour, name in groups:
        if group.size:
            weights = np.ones(group.size) / group.size
            axes.hist(group, edges, weights=weights, color=colour, alpha=0.4, label=name)
    accepted = decision.known
    axes.axvline(decision.similarity, color=style.GREEN if accepted else style.ORANGE,
                 linewidth=2.6, label=f"similarity {decision.similarity:.3f}: "
                 + ("accepted" if accepted else "unknown")
                 + f", {decision.stranger_rate_in_words} strangers score as high")  # fmt: skip
    axes.yaxis.set_major_formatter(lambda share, _: f"{share * 100:.3g} %")
    axes.set_xlabel(f"similarity to {nearest!r}")
    axes.set_ylabel("share of pictures")
    axes.margins(y=0.1)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2, fontsize=9.5)


def _short(label: str) -> str:
    return label if len(label) <= LABEL_WIDTH else f"{label[: LABEL_WIDTH - 1]}…"
