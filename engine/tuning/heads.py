"""Trains a gallery's Siamese head, judges it by cosine, puts it in force if it is better."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from ..bulk.sources import Source
from ..decision.siamese import SiameseHead
from ..decision.trained_head import TrainedHead
from ..errors import TrainingError
from ..features import FeatureExtractor
from ..gallery import Gallery
from ..playing.queries import Progress, embed_queries
from ..playing.set_aside import fingerprints
from ..slim import needing
from ..types import FloatArray, IntArray, Reject
from .head_evidence import HeadEvidence, enrolled_evidence, labelled_evidence
from .head_judging import LEAST_CLASSES, Judgement, judge

PAIRS = 12_000
PENALTIES = (100.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01)
"""What is tried on classes set aside; the first one is close to the city-block distance."""


@dataclass(frozen=True, slots=True)
class HeadReport:
    """What training a head came to.

    Attributes:
        method: what it was trained on, one phrase.
        classes, pictures: how many those were.
        judgement: cosine and head on held-out classes.
        active: whether the head is in force now.
        verdict: why it is or isn't, one sentence.
        searched_space: the space that it holds for.
        rejects: the pictures that could not be read.
    """

    method: str
    classes: int
    pictures: int
    judgement: Judgement
    active: bool
    verdict: str
    searched_space: str
    rejects: tuple[Reject, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "method": self.method,
            "classes": self.classes,
            "pictures": self.pictures,
            "judged_on": self.judgement.to_json(),
            "active": self.active,
            "verdict": self.verdict,
            "searched_space": self.searched_space,
            "rejects": len(self.rejects),
        }


def train_gallery_head(
    gallery: Gallery,
    extractor: FeatureExtractor,
    data: Source | None = None,
    *,
    activate: bool = False,
    seed: int = 0,
    progress: Progress = lambda _done: None,
) -> HeadReport:
    """Train a head on labelled pictures, or on the gallery alone; see `Recognizer.train_head`."""
    snapshot = gallery.snapshot()
    searched_space, generation, former = snapshot.space_id, snapshot.generation, snapshot.head
    rejects: tuple[Reject, ...] = ()
    seen: frozenset[str] = frozenset()
    if data is None:
        evidence = enrolled_evidence(gallery, extractor.embedder, progress)
    else:
        pictures = embed_queries(data, extractor, progress)
        rejects, seen = pictures.rejects, fingerprints(pictures)
        if not len(pictures):
            raise TrainingError(f"{data}: expected labelled pictures, but got none to be read")
        evidence = labelled_evidence(gallery, pictures)
    if evidence.class_count < LEAST_CLASSES:
        raise TrainingError(
            f"expected at least {LEAST_CLASSES} classes of 2 pictures each, some to train on and "
            f"some to judge by, but got {evidence.class_count}; add classes or pictures"
        )
    train = partial(fitted_head, seed=seed)
    judgement = judge(evidence, train)
    active = activate or (judgement.real and judgement.better)
    head = TrainedHead(
        siamese=train(evidence.vectors, evidence.classes),
        active=active,
        least_probability=judgement.least_probability,
        method=evidence.method,
        classes=evidence.class_count,
        generation=generation,
        created_at=datetime.now(UTC),
        judged=judgement.to_json(),
        seen=seen,
    )
    if active or former is None:
        gallery.heads.use(head, searched_space)
    return HeadReport(
        method=evidence.method,
        classes=evidence.class_count,
        pictures=evidence.classes.size,
        judgement=judgement,
        active=active or former is not None,
        verdict=_verdict(judgement, evidence, active, replaced=former is not None),
        searched_space=searched_space,
        rejects=rejects,
    )


def fitted_head(vectors: FloatArray, classes: IntArray, seed: int) -> SiameseHead:
    """The head that training makes of `(n, dim)` unit rows and their `(n,)` classes.

    Raises:
        TrainingError: there are too few classes, or they teach nothing of others.
    """
    with needing("training a head"):
        from ..training.siamese import train_head  # torch, and only here

    return train_head(vectors, classes, pairs=PAIRS, penalties=PENALTIES, seed=seed)


def _verdict(judgement: Judgement, evidence: HeadEvidence, active: bool, replaced: bool) -> str:
    better = judgement.real and judgement.better
    if active:
        return (
            "The head beats cosine on classes it hasn't seen: it is in force."
            if better
            else "The head is in force because that was asked for; it hasn't been shown to be "
            "better than cosine."
        )
    rest = "the former head stays in force." if replaced else "it is kept, but not in force."
    if judgement.real:
        return f"The head isn't better than cosine beyond chance on classes it hasn't seen; {rest}"
    several = evidence.of_real().class_count
    return (
        "Views made of the enrolled pictures themselves favour a head, so they prove nothing; "
        f"{rest} It takes {LEAST_CLASSES} classes with 2 real pictures to judge it (there are "
        f"{several}): give labelled pictures, or insist with --activate."
    )
