"""A searched space learned from the gallery alone: what a picture's views differ in counts less.

Each kept picture is turned, cropped, lit and focused differently, which leaves the thing it shows
the same. Directions in which its embedding moves by that are stretched less than others:
within-class covariance normalisation (Hatch et al., "Within-Class Covariance Normalization for
SVM-based Speaker Recognition", 2006), shrunk so far that a direction never seen counts for no more
than `SHRINKAGE^-½` times the mean one. So few classes give a mild map, not a degenerate one.

Whether that pays is judged by the gallery's own leave-classes-out test, on classes *and* on kinds
of change that the judged map wasn't fitted to: the views that a map was fitted to favour it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from ..errors import CalibrationError
from ..features import Embedder
from ..gallery import Gallery, Snapshot
from ..images import load_image
from ..images.views import lit_views, placed_views
from ..metrics.bootstrap import resamples
from ..metrics.figures import Figure
from ..metrics.open_set import fnir_at_fpir, oscr
from ..metrics.trials import Trials
from ..playing.enrolled import Enrolled
from ..playing.play import Match, play
from ..playing.queries import Progress
from ..playing.scorers import OwnRule
from ..projections import Projection
from ..types import BoolArray, FloatArray, IntArray

ADAPTED = "adapted"
LEAST_CLASSES = 20
MOST_CLASSES = 300
"""Views of so many classes are made at most; more cost time and teach little."""

VIEWS_OF_A_KIND = 2
SHRINKAGE = 0.3
PRIOR_COUNT = 20
"""So many embeddings the former mean counts for."""

_KINDS = (placed_views, lit_views)
_SEED = 13
_ALL = slice(None)


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """Changed views of enrolled pictures; `n` rows.

    Attributes:
        vectors: `(n, dim) float32`: their embeddings, unit rows, before any projection.
        unchanged: `(n, dim) float32`: those of the enrolled pictures that they were made of.
        classes: `(n,) int64`: ids of their classes.
        kinds: `(n,) int64`: 0 where the picture was placed differently, 1 where lit differently.
    """

    vectors: FloatArray
    unchanged: FloatArray
    classes: IntArray
    kinds: IntArray

    def take(self, rows: BoolArray) -> Views:
        """Some of them."""
        return Views(self.vectors[rows], self.unchanged[rows], self.classes[rows], self.kinds[rows])


@dataclass(frozen=True, slots=True)
class SpaceJudgement:
    """The present space and the new one, on views.

    Attributes:
        tpir_before, tpir_after: TPIR at the target FPIR.
        oscr_before, oscr_after: the area under the OSCR curve, which sums up every FPIR and so
            shows a difference sooner than TPIR at a single one.
        oscr_gain: the difference, with its paired interval.
    """

    tpir_before: float
    tpir_after: float
    oscr_before: float
    oscr_after: float
    oscr_gain: Figure

    @property
    def better(self) -> bool:
        """Whether the new space is better beyond chance, and no worse where it is used."""
        low = self.oscr_gain.low
        return low is not None and low > 0 and self.tpir_after >= self.tpir_before


def views_of(
    gallery: Gallery,
    enrolled: Enrolled,
    embedder: Embedder,
    progress: Progress = lambda _done: None,
) -> Views:
    """Make and embed views of one kept picture of each class, of `MOST_CLASSES` classes at most.

    Raises:
        CalibrationError: fewer than `LEAST_CLASSES` classes have a kept picture.
    """
    class_ids, first = np.unique(enrolled.class_ids, return_index=True)
    order = np.random.default_rng(_SEED).permutation(class_ids.size)
    rows: list[int] = []
    kinds: list[int] = []

    def made() -> Iterator[Image.Image]:
        for row in np.sort(first[order[:MOST_CLASSES]]).tolist():
            progress(1)
            picture = gallery.catalog.picture(int(enrolled.ids[row]))
            if picture is None:
                continue
            for kind, view in some_views(load_image(picture).pixels, int(enrolled.ids[row])):
                rows.append(row)
                kinds.append(kind)
                yield view

    vectors = embedder.embed(made())
    if len(rows) < LEAST_CLASSES * VIEWS_OF_A_KIND * len(_KINDS):
        raise CalibrationError(
            f"{gallery.location}: expected kept pictures of at least {LEAST_CLASSES} classes to "
            f"learn from, but got those of {len(rows) // (VIEWS_OF_A_KIND * len(_KINDS))}; enroll "
            "more classes (and not with --keep-pictures none)"
        )
    return Views(
        vectors,
        enrolled.embeddings[rows],
        enrolled.class_ids[rows],
        np.array(kinds, np.int64),
    )


def some_views(picture: Image.Image, seed: int) -> Iterator[tuple[int, Image.Image]]:
    """`VIEWS_OF_A_KIND` views of each kind, with their kinds; other ones for each seed."""
    random = np.random.default_rng([_SEED, seed])
    for kind, views in enumerate(_KINDS):
        everything = list(views(picture))
        for number in random.choice(len(everything), VIEWS_OF_A_KIND, replace=False):
            yield kind, everything[number]


def within_class_projection(base: Projection, enrolled: Enrolled, views: Views) -> Projection:
    """The map in which what views of one picture differ in counts less.

    Args:
        base: the map that it comes on top of.
    """
    mean = drawn_mean(enrolled.embeddings, base.mean)
    matrix = matrix_of(base)
    centred = Projection(ADAPTED, mean, matrix)
    moved = (centred.apply(views.vectors) - centred.apply(views.unchanged)).astype(np.float64)
    values, vectors = np.linalg.eigh(moved.T @ moved / len(moved))
    mean_value = values.mean()
    if mean_value <= 0:  # the views are all the same: nothing to learn
        return centred
    values = (1 - SHRINKAGE) * np.maximum(values / mean_value, 0.0) + SHRINKAGE
    whitened = (matrix @ (vectors * values**-0.5)).astype(np.float16)  # as precise as it is known
    return Projection(ADAPTED, mean, whitened.astype(np.float32))


def judged(enrolled: Enrolled, base: Projection, views: Views) -> SpaceJudgement:
    """The present space beside one learned from views, on other classes' views of another kind."""
    present = enrolled.snapshot.projection
    before = enrolled.snapshot_in(Projection(present.kind, present.mean, present.matrix))
    pairs = [
        (_played(before, asked), _played(after, asked))
        for after, asked in _folds(enrolled, base, views)
    ]
    target = enrolled.snapshot.target_fpir
    tpirs = np.array([[_tpir(trials, target) for trials in pair] for pair in pairs])
    areas = np.array([[_oscr(trials) for trials in pair] for pair in pairs])
    replicates = np.mean([_oscr_gains(*pair) for pair in pairs], axis=0)
    low, high = np.quantile(replicates, [0.025, 0.975]).tolist()
    tpir_before, tpir_after = tpirs.mean(axis=0).tolist()
    oscr_before, oscr_after = areas.mean(axis=0).tolist()
    return SpaceJudgement(
        tpir_before=tpir_before,
        tpir_after=tpir_after,
        oscr_before=oscr_before,
        oscr_after=oscr_after,
        oscr_gain=Figure(oscr_after - oscr_before, low, high),
    )


def drawn_mean(embeddings: FloatArray, prior: FloatArray) -> FloatArray:
    """Their mean, drawn towards a former one where they are few."""
    total = embeddings.sum(axis=0, dtype=np.float64) + PRIOR_COUNT * prior
    mean: FloatArray = (total / (len(embeddings) + PRIOR_COUNT)).astype(np.float32)
    return mean


def matrix_of(projection: Projection) -> FloatArray:
    """A projection's matrix; the identity's, too."""
    if projection.matrix is None:
        return np.eye(projection.dimension, dtype=np.float32)
    return projection.matrix


def _folds(enrolled: Enrolled, base: Projection, views: Views) -> Iterator[tuple[Snapshot, Views]]:
    """A map learned from half of the classes and one kind of views, and the views to judge it."""
    classes = np.unique(views.classes)
    half = np.random.default_rng(_SEED).permutation(classes)[: classes.size // 2]
    first = np.isin(views.classes, half)
    for kind, seen in ((0, first), (1, ~first)):
        taught = within_class_projection(base, enrolled, views.take(seen & (views.kinds == kind)))
        yield enrolled.snapshot_in(taught), views.take(~seen & (views.kinds != kind))


def _played(snapshot: Snapshot, views: Views) -> Trials:
    """The views as queries of their classes, and again as strangers, their class left out."""
    match = Match(views.vectors, views.classes, views.classes, left_out=True)
    return play(match, OwnRule(snapshot), snapshot.target_fpir)


def _tpir(trials: Trials, target: float) -> float:
    known = trials.known
    return 1.0 - fnir_at_fpir(known.scores, known.correct, trials.strangers.scores, target)


def _oscr(
    trials: Trials, known: IntArray | slice = _ALL, strangers: IntArray | slice = _ALL
) -> float:
    scores, correct = trials.known.scores[known], trials.known.correct[known]
    return oscr(scores, correct, trials.strangers.scores[strangers])


def _oscr_gains(before: Trials, after: Trials) -> list[float]:
    """What bootstrap replicates gain, resampled by class."""
    return [
        _oscr(after, *rows) - _oscr(before, *rows)
        for rows in resamples(before.known.classes, before.strangers.groups, paired=True)
    ]
