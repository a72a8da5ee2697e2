"""What to expect of a gallery, from the calibration in force, and what would make it better."""

from __future__ import annotations

import numpy as np

from ...decision.intervals import wilson_interval
from ...types import Outlook
from ..snapshot import Snapshot

LEAST_PICTURES = 12
"""Of fewer pictures whose class is known, nothing is told."""

REFUSING = 0.25
"""Where a smaller share of known things would be recognised, that is a warning."""

MISTAKEN = 0.25
"""Where a larger share comes nearest to another class, likewise."""

_HELP = (
    "a second example of each class, seen otherwise (enroll it under the same label); "
    "`onelook adapt`, with --queries where there are pictures as they will be asked; a network "
    "trained on these pictures (`onelook train backbone`), or another one (--backbone)"
)


def outlook_of(snapshot: Snapshot) -> Outlook | None:
    """What the calibration expects of known things; None where it knows nothing of them."""
    calibration = snapshot.calibration
    scores, of = calibration.genuine_scores, calibration.genuine_are
    if scores.size < LEAST_PICTURES or of is None:
        return None
    tpir = float((scores >= snapshot.level).mean())
    mistaken = float(np.isneginf(scores).mean())
    return Outlook(
        target_fpir=snapshot.target_fpir,
        expected_tpir=tpir,
        expected_tpir_interval=wilson_interval(tpir, scores.size),
        expected_tpir_of=of,
        mistaken=mistaken,
        warnings=tuple(_warnings(tpir, mistaken, of)),
    )


def _warnings(tpir: float, mistaken: float, of: str) -> list[str]:
    told = []
    if tpir < REFUSING:
        told.append(
            f"only {tpir:.0%} of {of} are expected to be given their label, the others to be "
            f"called unknown; what helps: {_HELP}"
        )
    if mistaken > MISTAKEN:
        told.append(
            f"{mistaken:.0%} of {of} come nearest to another class, so some are hardly told "
            "apart; if one thing was enrolled twice, merge the two (`onelook classes merge`)"
            + ("" if told else f"; what else helps: {_HELP}")
        )
    return told
