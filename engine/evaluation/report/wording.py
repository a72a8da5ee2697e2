"""What the figures mean, in sentences for someone who has never heard of FPIR."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ...metrics.figures import Figure
from ..evaluation import Evaluation


@dataclass(frozen=True, slots=True)
class Card:
    """A headline: a figure, what it is, and what it means."""

    title: str
    value: str
    range: str
    meaning: str
    tone: str


FIGURE_NAMES = {
    "top_1": "Top-1: the right class is ranked first",
    "top_5": "Top-5: it is among the first five",
    "mean_per_class": "Top-1, averaged over classes",
    "tpir_reached": "Named right and accepted (TPIR)",
    "misidentified": "Known things given a wrong label",
    "refused_known": "Known things called unknown",
    "fpir_reached": "Strangers given a label (FPIR)",
    "auroc": "AUROC, known against stranger",
    "oscr": "OSCR, area under the curve",
    "fpr_at_95_tpr": "Strangers accepted where 95 % of known things are",
    "fnir_at_fpir_0.001": "Known things missed at 0.1 % FPIR (FNIR)",
    "fnir_at_fpir_0.01": "Known things missed at 1 % FPIR (FNIR)",
    "fnir_at_fpir_0.05": "Known things missed at 5 % FPIR (FNIR)",
    "fnir_at_fpir_0.1": "Known things missed at 10 % FPIR (FNIR)",
    "eer": "Equal error rate of pairs",
    "pair_accuracy": "Accuracy on balanced pairs",
    "calibration_error": "Siamese head: by how much its probability is off",
}

GROUPS = {
    "Closed set: every query shows something enrolled": ("top_1", "top_5", "mean_per_class"),
    "At the gallery's own thresholds": (
        "tpir_reached",
        "misidentified",
        "refused_known",
        "fpir_reached",
    ),
    "Open set: strangers among the queries": (
        "auroc",
        "oscr",
        "fpr_at_95_tpr",
        "fnir_at_fpir_0.001",
        "fnir_at_fpir_0.01",
        "fnir_at_fpir_0.05",
        "fnir_at_fpir_0.1",
    ),
    "Verification: two pictures, same thing or not": ("eer", "pair_accuracy", "calibration_error"),
}

PLOT_TEXTS = {
    "comparison": (
        "Which comparison pays",
        "Every bar decides about the same pictures, each letting in the same share of strangers. "
        "Grey is what most systems do. Longer is better.",
    ),
    "det": (
        "The trade: strangers let in against known things missed",
        "Every point is a possible strictness. Lower and further left is better; the dot is where "
        "this gallery works today.",
    ),
    "reliability": (
        "Does it keep its promise?",
        "The share of strangers that was asked for, against the share that got a label. On or "
        "below the dashed line, the promise was kept.",
    ),
    "oscr": (
        "Right answers at every strictness",
        "How many known things are named right while only so many strangers slip through. Higher "
        "is better.",
    ),
    "similarities": (
        "What the comparison sees",
        "The further the green hill lies to the right of the orange one, the easier it is to tell "
        "known things from strangers.",
    ),
    "thresholds": (
        "The threshold of each class",
        "Scores are comparable between classes, so that all but pinned thresholds are equal.",
    ),
    "roc": (
        "Two pictures: the same thing?",
        "Verification of pairs: a query with its own catalog picture, and with a random other.",
    ),
    "probability": (
        "Does “80 % the same” mean 80 %?",
        "The probability that the Siamese head gives to pairs, as many of them genuine as not, "
        "against how many were genuine. On the dashed line it means what it says.",
    ),
}


def cards(evaluation: Evaluation) -> list[Card]:
    """The headline figures."""
    figures = evaluation.figures
    target = evaluation.target_fpir
    return [
        _card("Right class first", figures["top_1"], "blue", _top_1),
        _card("Named right and accepted", figures["tpir_reached"], "green", _accepted),
        _card(
            "Strangers that got a label",
            figures["fpir_reached"],
            _promise_tone(figures["fpir_reached"], target),
            lambda share: _strangers(share, figures["fpir_reached"], target),
        ),
        _card("Known things given a wrong label", figures["misidentified"], "grey", _wrong),
    ]


def number(figure: Figure) -> str:
    """The value alone: `93.2 %`."""
    return "–" if figure.value is None else f"{figure.value * 100:.1f} %"


def span(figure: Figure) -> str:
    """The interval: `91.0 to 94.8 %`; or why there is none."""
    if figure.low is None or figure.high is None:
        return figure.refused or ""
    return f"{figure.low * 100:.1f} to {figure.high * 100:.1f} %"


def _card(title: str, figure: Figure, tone: str, meaning: Callable[[float], str]) -> Card:
    if figure.value is None:
        return Card(title, "–", "", f"Not shown: {figure.refused}.", "grey")
    return Card(title, number(figure), span(figure), meaning(figure.value), tone)


def _top_1(share: float) -> str:
    return f"Of 100 pictures of enrolled things, {share * 100:.0f} find their own class first."


def _accepted(share: float) -> str:
    return (
        f"Of 100 pictures of enrolled things, {share * 100:.0f} get their right label; the others "
        "are called unknown or get a wrong one."
    )


def _wrong(share: float) -> str:
    return f"Of 100 pictures of enrolled things, {share * 100:.0f} get the label of another one."


def _strangers(share: float, figure: Figure, target: float) -> str:
    promise = f"Asked for was at most {target * 100:g} %: "
    if _exceeds(figure, target):
        verdict = "that was not kept."
    elif share <= target:
        verdict = "kept."
    else:
        verdict = "a little above it, within what chance explains."
    return promise + verdict


def _promise_tone(figure: Figure, target: float) -> str:
    if _exceeds(figure, target):
        return "orange"
    return "green" if figure.value is not None and figure.value <= target else "grey"


def _exceeds(figure: Figure, target: float) -> bool:
    return figure.low is not None and figure.low > target
