"""Why a picture was decided as it was: the candidates, what local features found of the first, and
where the nearest class draws its line.

Two distributions stand behind a class's threshold. The *impostor* one is real: how similar pictures
of other things are to the class, enrolled ones and those shipped for small galleries. The *genuine*
one is not: with one picture of a class, all that can be had are augmented views of that picture,
and a new photo of the thing is less similar than those. It is an upper bound and is labelled so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from ...decision import NEIGHBOURS, on_scale
from ...decision.scores import Float64Array
from ...features import Embedder, FeatureExtractor
from ...gallery import Gallery, Snapshot
from ...gallery.deciding.decisions import class_thresholds, decide_rankings, evidence_of, ranked
from ...images import ImageSource, describe_source, load_image
from ...images.views import augmented_views
from ...slim import needing
from ...types import Candidate, Decision, FloatArray, LocalMatch, Ranking, Reason

EXAMPLES = 4
"""At most so many examples of the class are augmented."""


@dataclass(frozen=True, slots=True, eq=False)
class CandidateEvidence:
    """A candidate with its threshold and the enrolled picture that was compared.

    Attributes:
        normalized: how many deviations its similarity lies above the mean of the class's
            nearest impostors; None for a text where too few pictures are known.
        threshold: the class's own.
        probability: that query and example show the same class, by the Siamese head; None without
            one in force.
        picture: the kept copy, encoded; None where none is kept.
    """

    candidate: Candidate
    normalized: float | None
    threshold: float
    probability: float | None
    picture: bytes | None

    def to_json(self) -> dict[str, Any]:
        return {
            **self.candidate.to_json(),
            "normalized": None if self.normalized is None else round(self.normalized, 6),
            "threshold": round(self.threshold, 6),
            "probability": None if self.probability is None else round(self.probability, 6),
        }


@dataclass(frozen=True, slots=True, eq=False)
class FoundEvidence:
    """What local features found of the first class, and what they count for.

    Attributes:
        match: where its enrolled picture lies in the query.
        size: that picture's width and height, in whose pixels the match tells its points.
        query_size: the query's, likewise.
        score_without: what the class would score by similarity alone.
        picture: the kept copy of the enrolled picture, encoded; None where none is kept.
    """

    match: LocalMatch
    size: tuple[int, int]
    query_size: tuple[int, int]
    score_without: float
    picture: bytes | None


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """What a decision rests on.

    Attributes:
        decision: the decision itself.
        query: the picture that was decided about.
        candidates: the nearest classes, most similar first.
        impostors: `(n,)` similarities of pictures of other things to the nearest class.
        genuine: `(m,)` similarities of augmented views of the nearest class's examples to it: an
            upper bound on those of new pictures. Empty where no pictures are kept.
        target_fpir: what the thresholds are computed for.
        found: what local features found; None where they found nothing that counts.
    """

    decision: Decision
    query: Image.Image
    candidates: tuple[CandidateEvidence, ...]
    impostors: Float64Array
    genuine: Float64Array
    target_fpir: float
    found: FoundEvidence | None = None

    def picture(self) -> bytes:
        """An encoded PNG: the query, what was found in it, the candidates, where the line is.

        Raises:
            MissingPackageError: this is a slim install, which draws no plots.
        """
        with needing("drawing an explanation"):
            from .plot import explanation_plot

        return explanation_plot(self)

    def sentences(self) -> list[str]:
        """The decision in plain words."""
        decision = self.decision
        if decision.reason is Reason.EMPTY_GALLERY:
            return ["Unknown: nothing is enrolled."]
        if decision.reason is Reason.REFUSED:
            return ["Unknown: no class is left.", *self._about_refusals()]
        assert decision.score is not None
        assert decision.threshold is not None
        nearest = decision.candidates[0].label
        headed = self.candidates[0].probability is not None
        which = "class ranked first" if headed or self.found else "nearest class"
        verb = "reaches" if decision.known else "stays below"
        to = "" if decision.text is None else f" to the text {decision.text!r}"
        told = [
            f"{decision.label or 'Unknown'}: the {which} is {nearest!r} (similarity{to} "
            f"{decision.similarity:.3f}), and {decision.stranger_rate_in_words} strangers would "
            f"score as high; the score {decision.score:.3f} {verb} that class's threshold "
            f"{decision.threshold:.3f}."
        ]
        if decision.region is not None:
            told.append(
                "It is the middle of this picture that is so similar, more than the whole is "
                f"({', '.join(f'{side:.0f}' for side in decision.region)}, in pixels: left, top, "
                "right, bottom)."
            )
        told += self._about_refusals()
        told += self._about_what_was_found()
        told += self._about_the_head()
        if decision.ambiguous and self._rival_is_of_the_other_kind:
            told.append(
                f"{decision.candidates[1].label!r}, found by a "
                f"{'text' if decision.text is None else 'picture'}, scores as much as it does by a "
                f"{'picture' if decision.text is None else 'text'}: the two can't be told apart "
                "here."
            )
        elif decision.ambiguous:
            told.append(
                f"The runner-up {decision.candidates[1].label!r} is as good as equal "
                f"(margin {decision.margin:.3f}): the two can't be told apart here."
                if self.found is None
                else f"As much was found of the runner-up {decision.candidates[1].label!r}, in the "
                "same place: the two can't be told apart here."
            )
        if self.impostors.size:
            above = float(np.mean(self.impostors >= (decision.similarity or 0.0)))
            told.append(
                f"{above * 100:.1f} % of {self.impostors.size:,} pictures of other things are at "
                f"least as similar to {nearest!r}{to and ' by that text'} as this picture is."
            )
        if self.genuine.size:
            told.append(
                f"Slightly changed views of its own example reach {self.genuine.min():.3f} to "
                f"{self.genuine.max():.3f}: an upper bound, new pictures usually reach less."
            )
        told.append(f"The threshold rests on: {decision.calibration}.")
        return told

    @property
    def _rival_is_of_the_other_kind(self) -> bool:
        first, second = self.decision.candidates[:2]
        return (first.text is None) != (second.text is None)

    def _about_refusals(self) -> list[str]:
        return [
            f"{refusal}; a class refuses what is so much nearer to a picture that was said not to "
            "show it, and another class may win then."
            for refusal in self.decision.refused
        ]

    def _about_what_was_found(self) -> list[str]:
        decision, found = self.decision, self.found
        if found is None or decision.score is None or decision.threshold is None:
            return []
        told = (
            f"Local features found its enrolled picture here: {found.match.inliers} points agree "
            f"on where it lies, on {100 * found.match.share:.0f} % of it. By similarity alone the "
            f"score would be {found.score_without:.3f}"
        )
        if decision.known and found.score_without < decision.threshold:
            told += ", too low: they carried the decision"
        return [f"{told}."]

    def _about_the_head(self) -> list[str]:
        first = self.candidates[0]
        if first.probability is None:
            return []
        nearest = max(self.candidates, key=lambda evidence: evidence.candidate.similarity)
        told = (
            "A Siamese head is in force: classes are ranked by similarity and head together. It "
            f"gives {first.candidate.label!r} a probability of {first.probability:.0%}"
        )
        if nearest is not first and nearest.probability is not None:
            told += (
                f", and {nearest.candidate.label!r}, which is more similar, one of "
                f"{nearest.probability:.0%}"
            )
        return [f"{told}."]

    def to_json(self) -> dict[str, Any]:
        """The object that `onelook explain --json` prints."""
        return {
            "decision": self.decision.to_json(),
            "because": self.sentences(),
            "candidates": [candidate.to_json() for candidate in self.candidates],
            "impostors": _summary(self.impostors),
            "genuine_upper_bound": _summary(self.genuine),
            "score_by_similarity_alone": None
            if self.found is None
            else round(self.found.score_without, 6),
        }


def explain(
    gallery: Gallery, extractor: FeatureExtractor, image: ImageSource, candidates: int = 5
) -> Explanation:
    """Decide about a picture and gather what the decision rests on.

    Raises:
        ImageError: the picture can't be read.
    """
    snapshot = gallery.snapshot()
    loaded = load_image(image)
    query = loaded.pixels
    embedder, size = extractor.embedder, (loaded.width, loaded.height)
    vector = snapshot.projection.apply_queries(embedder.embed([query]))
    views = [extractor.view_of(query, size, local=len(snapshot.local) > 0)]
    rankings = ranked(snapshot, vector, views, k=max(candidates, NEIGHBOURS + 1))
    source = describe_source(image)
    told = max(candidates, 2)  # the rival is named, wanted in the list or not
    [decision] = decide_rankings(snapshot, vector, rankings, [source], told)
    decision = decision.moved(*loaded.corner)
    listed = decision.candidates[:candidates]
    thresholds = class_thresholds(snapshot, [candidate.class_id for candidate in listed])
    evidence = tuple(
        CandidateEvidence(
            candidate=c,
            normalized=_normalized(snapshot, c),
            threshold=thresholds[c.class_id],
            probability=_probability(snapshot, vector[0], c),
            picture=gallery.catalog.picture(c.example_id),
        )
        for c in listed
    )
    impostors = genuine = np.empty(0, np.float64)
    if decision.candidates:
        nearest = decision.candidates[0].class_id
        kind = snapshot.kind_of(decision.candidates[0])
        impostors = impostor_similarities(kind, nearest)
        genuine = genuine_similarities(gallery, kind, embedder, nearest)
    return Explanation(
        decision,
        query,
        evidence,
        impostors,
        genuine,
        snapshot.target_fpir,
        _found(gallery, snapshot, vector, rankings, size),
    )


def _found(
    gallery: Gallery,
    snapshot: Snapshot,
    vector: FloatArray,
    rankings: list[Ranking],
    size: tuple[int, int],
) -> FoundEvidence | None:
    """What local features found of the first class."""
    [ranking] = rankings
    if not ranking.bonus:
        return None
    match = ranking.found[int(ranking.class_ids[0])]
    assert ranking.found_example is not None
    enrolled = snapshot.local.features(ranking.found_example)
    assert enrolled is not None
    picture = gallery.catalog.picture(ranking.found_example)
    [evidence] = evidence_of(snapshot, vector, rankings)
    assert evidence is not None
    without = on_scale(evidence.normalised - ranking.bonus)
    return FoundEvidence(match, (enrolled.width, enrolled.height), size, without, picture)


def _normalized(snapshot: Snapshot, candidate: Candidate) -> float | None:
    [around] = snapshot.kind_of(candidate).moments_of(np.array([candidate.class_id]))
    normalized = (candidate.similarity - around.mean) / around.std
    return None if np.isnan(normalized) else normalized


def _probability(snapshot: Snapshot, query: FloatArray, candidate: Candidate) -> float | None:
    if snapshot.head is None or candidate.text is not None:
        return None
    example = snapshot.index.vectors(np.array([candidate.example_id]))
    return float(snapshot.head.siamese.probability(query, example)[0])


def impostor_similarities(snapshot: Snapshot, class_id: int) -> Float64Array:
    """`(n,)`: of the cohort's pictures of other classes to the class's best example."""
    examples, owners = snapshot.examples.examples_of(np.array([class_id]))
    found = snapshot.cohort.impostor_similarities(snapshot.index.vectors(examples), owners)
    best = found.max(axis=0).astype(np.float64)
    impostors: Float64Array = best[np.isfinite(best)]
    return impostors


def genuine_similarities(
    gallery: Gallery, snapshot: Snapshot, embedder: Embedder, class_id: int
) -> Float64Array:
    """`(m,)`: of augmented views of the class's kept pictures to its examples; an upper bound."""
    examples, _ = snapshot.examples.examples_of(np.array([class_id]))
    vectors: FloatArray = snapshot.index.vectors(examples)
    kept = [gallery.catalog.picture(int(example)) for example in examples[:EXAMPLES]]
    views = [
        view
        for picture in kept
        if picture is not None
        for view in augmented_views(load_image(picture).pixels)
    ]
    if not views:
        return np.empty(0, np.float64)
    embedded = snapshot.projection.apply(embedder.embed(views))
    best: Float64Array = (embedded @ vectors.T).max(axis=1).astype(np.float64)
    return best


def _summary(values: Float64Array) -> dict[str, Any] | None:
    if not values.size:
        return None
    quantiles = np.quantile(values, [0.0, 0.5, 0.95, 1.0])
    names = ("least", "median", "percentile_95", "most")
    figures = {name: round(float(q), 6) for name, q in zip(names, quantiles, strict=True)}
    return {"count": int(values.size), **figures}
