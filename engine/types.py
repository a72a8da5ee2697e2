"""The value objects that cross layer borders: frozen, free of tensors and of database rows.

Similarity is cosine in the searched space, in [-1, 1], higher is better, everywhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from .boxes import Box, split_source

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]
ByteArray = npt.NDArray[np.uint8]
BoolArray = npt.NDArray[np.bool_]

Region = tuple[float, float, float, float]
"""Left, top, right and bottom of a part of a picture, in its upright pixels."""

UNIT_TOLERANCE = 1e-3
"""How far from 1 a unit row's length may be: float16 round trips pass, forgotten normalising
doesn't."""


class Reason(StrEnum):
    """Why a decision came out as it did."""

    ACCEPTED = "accepted"
    BELOW_THRESHOLD = "below_threshold"
    EMPTY_GALLERY = "empty_gallery"
    NOTHING_MATCHES = "nothing_matches"
    REFUSED = "refused"


class KeepPictures(StrEnum):
    """What the catalog keeps of an enrolled picture."""

    NONE = "none"
    BOUNDED = "bounded"
    ORIGINAL = "original"


class EnrolmentStatus(StrEnum):
    """What enrolling one picture did to the gallery."""

    ADDED = "added"
    REPLACED = "replaced"
    UNCHANGED = "unchanged"


class ChangeKind(StrEnum):
    """The entries of a gallery's change log."""

    ADD = "add"
    REMOVE = "remove"
    MOVE = "move"
    RENAME = "rename"
    PIN = "pin"
    SPACE = "space"
    CALIBRATE = "calibrate"
    HEAD = "head"
    ATTRIBUTES = "attributes"
    COUNTEREXAMPLE = "counterexample"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Space:
    """What makes embeddings comparable: the network, its weights, its preprocessing.

    Attributes:
        backbone: the name that loads it again, such as `efficientnet-lite0`.
        weights_hash: SHA-256 of the weights, hex.
        preprocessing_hash: SHA-256 of the preprocessing's parameters, hex.
        dimension: length of an embedding.
    """

    backbone: str
    weights_hash: str
    preprocessing_hash: str
    dimension: int

    @property
    def id(self) -> str:
        """16 hex digits; equal exactly when embeddings may be compared."""
        return _space_id(self.weights_hash, self.preprocessing_hash, self.dimension)


@lru_cache(maxsize=64)  # every picture asks
def _space_id(*what: str | int) -> str:
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class ClassRecord:
    """A class as the catalog holds it."""

    id: int
    label: str
    attributes: Mapping[str, Any]
    created_at: datetime
    updated_at: datetime
    pinned_threshold: float | None
    examples: int


@dataclass(frozen=True, slots=True)
class ExampleRecord:
    """An enrolled picture of a class, or a text, without its vector and its pixels.

    Attributes:
        source: where it came from, as text; of a part of a picture, with its box.
        width, height: of the upright picture, or of the part, in pixels; 0 of a text.
        origin: the bulk source that listed it, as text, or None.
        text: what was enrolled in a picture's place; None for a picture.
    """

    id: int
    class_id: int
    label: str
    source: str
    content_hash: str
    width: int
    height: int
    created_at: datetime
    warnings: tuple[str, ...] = ()
    origin: str | None = None
    text: str | None = None

    @property
    def box(self) -> Box | None:
        """The part of its source that it shows; None where it shows all."""
        return split_source(self.source)[1]


@dataclass(frozen=True, slots=True)
class StoredLocalFeatures:
    """A picture's local features as the catalog holds them.

    Attributes:
        extractor: the name of what found them; others' can't be compared with them.
        data: for `engine.local` to read.
    """

    extractor: str
    data: bytes


@dataclass(frozen=True, slots=True)
class NewExample:
    """An example about to be enrolled.

    Attributes:
        label: the class it belongs to; created when absent.
        source: where it came from, as text; together with the label it names the example.
        content_hash: SHA-256 of the file's bytes (of the pixels for arrays, of a text), hex.
        width, height: of the upright picture in its source, in pixels; 0 of a text.
        vector: `(dim,) float32`, unit length, in the gallery's space.
        picture: the encoded copy to keep, or None.
        attributes: merged into the class's attributes.
        warnings: what is doubtful about the picture, one sentence each.
        origin: the bulk source that lists it, as text.
        space_id: of the vector's space; None takes it for the gallery's.
        local_features: the picture's, or None.
        text: what is enrolled in a picture's place; None for a picture.
    """

    label: str
    source: str
    content_hash: str
    width: int
    height: int
    vector: FloatArray
    picture: bytes | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    origin: str | None = None
    space_id: str | None = None
    local_features: StoredLocalFeatures | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Counterexample:
    """A picture that looks like a class and isn't of it, without its vector and its pixels.

    Attributes:
        source: where it came from, as text; of a part of a picture, with its box.
        width, height: of the upright picture, or of the part, in pixels.
        has_picture: whether a copy of it is kept.
    """

    id: int
    class_id: int
    label: str
    source: str
    content_hash: str
    width: int
    height: int
    created_at: datetime
    has_picture: bool

    def to_json(self) -> dict[str, Any]:
        """The object that `onelook classes reject --json` prints."""
        return {
            "id": self.id,
            "label": self.label,
            "source": self.source,
            "width": self.width,
            "height": self.height,
            "content_hash": self.content_hash,
            "created_at": self.created_at.isoformat(),
            "has_picture": self.has_picture,
        }


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the change log; entries of one transaction share a generation."""

    generation: int
    kind: ChangeKind
    class_id: int | None
    example_id: int | None


@dataclass(frozen=True, slots=True)
class Reject:
    """A picture that could not be enrolled, and why."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class ClassStatistics:
    """How a class compares with its impostors, in the searched space.

    Attributes:
        mean, std: of the similarities between the class and the cohort's pictures.
        cohort_size: how many pictures those were.
    """

    mean: float
    std: float
    cohort_size: int


@dataclass(frozen=True, slots=True, eq=False)
class LocalMatch:
    """An enrolled picture found in a query.

    Attributes:
        log_false_alarms: decimal logarithm of the number of false alarms, for this one picture
            tried; the lower, the surer.
        inliers: matches that agree on where it lies, points told apart by their places.
        share: of the enrolled picture's cells that bear points, those where a match agrees.
        corners: `(4, 2) float32`: where its corners lie, clockwise from its upper left, in the
            query's upright pixels; outside of the query where it is cut off.
        matched: `(k, 4) float32`: x and y in the query, x and y in the enrolled picture, of each
            match that agrees.
    """

    log_false_alarms: float
    inliers: int
    share: float
    corners: FloatArray
    matched: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class QueryPart:
    """A part of a query that was compared by itself.

    Attributes:
        box: left, top, right and bottom, in upright pixels of the query.
        vector: `(dim,) float32`, unit length, of the searched space: its embedding.
        class_ids: the classes that it is more similar to than the whole query is.
    """

    box: Region
    vector: FloatArray
    class_ids: frozenset[int]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A class that refuses a query, which is near to one of its counterexamples.

    Attributes:
        similarity: of the query and the class's best example.
        counterexample_id: the nearest of its counterexamples.
        counterexample_similarity: of the query and that one.
    """

    label: str
    class_id: int
    similarity: float
    counterexample_id: int
    counterexample_similarity: float

    def __str__(self) -> str:
        return (
            f"{self.label!r} refuses it: its similarity to a picture that isn't of that class "
            f"(counterexample {self.counterexample_id}) is {self.counterexample_similarity:.3f}, "
            f"to the class {self.similarity:.3f}"
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "label": self.label,
            "similarity": round(self.similarity, 6),
            "counterexample_id": self.counterexample_id,
            "counterexample_similarity": round(self.counterexample_similarity, 6),
        }


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """The classes of one query, most similar first, or in whatever order decisions are made in.

    Ties go to the older example.

    Attributes:
        class_ids, example_ids: `(k,) int64`; fewer than asked for where the gallery has fewer.
        similarities: `(k,) float32`, cosine with each class's best example.
        found: by class id, where an enrolled picture of it was found in the query.
        bonus: what that adds to the normalised score of the first class.
        found_example: the id of the example of that class that was found.
        lead: where it was found, by how much all evidence puts it before the second class, in the
            units of normalised scores; infinite where the second lies elsewhere in the query.
        part: the part of the query that was compared as well; a similarity is the higher of both.
        refused: classes that are left out, since they refuse the query; the most similar first.
        refused_beside: where pictures and texts were both ranked, those that would have come first
            among the other kind.
        of_texts: the similarities are those to texts, which no picture's can be compared with.
        shown: where pictures and texts were both ranked, the classes of both in one order, for
            people; this is the ranking of the kind that decides.
    """

    class_ids: IntArray
    example_ids: IntArray
    similarities: FloatArray
    found: Mapping[int, LocalMatch] = field(default_factory=dict)
    bonus: float = 0.0
    found_example: int | None = None
    lead: float | None = None
    part: QueryPart | None = None
    refused: tuple[Refusal, ...] = ()
    refused_beside: tuple[Refusal, ...] = ()
    of_texts: bool = False
    shown: Ranking | None = None

    def __len__(self) -> int:
        return len(self.class_ids)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A class that a query may belong to, with its best example's exact similarity.

    Attributes:
        text: what that example is, where it is a text; None for a picture. A text's similarity
            can't be compared with a picture's.
    """

    label: str
    similarity: float
    class_id: int
    example_id: int
    attributes: Mapping[str, Any] = field(default_factory=dict, hash=False)
    text: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "label": self.label,
            "similarity": round(self.similarity, 6),
            "text": self.text,
            "attributes": dict(self.attributes),
        }


@dataclass(frozen=True, slots=True)
class Location:
    """Where in a query its class's enrolled picture was found by local features.

    Attributes:
        box: left, top, right and bottom of its outline, in upright pixels of the query, of the
            whole picture where a part of it was asked about; beyond the edges where the thing is
            cut off.
        corners: x and y of its corners, clockwise from the enrolled picture's upper left.
        inliers: matched points that agree on it.
        share: of the enrolled picture that was found.
    """

    box: tuple[float, float, float, float]
    corners: tuple[tuple[float, float], ...]
    inliers: int
    share: float

    def moved(self, across: float, down: float) -> Location:
        """The same, in the pixels of a picture in which the query lies there."""
        left, top, right, bottom = self.box
        return replace(
            self,
            box=(left + across, top + down, right + across, bottom + down),
            corners=tuple((x + across, y + down) for x, y in self.corners),
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "box": [round(side, 1) for side in self.box],
            "corners": [[round(x, 1), round(y, 1)] for x, y in self.corners],
            "inliers": self.inliers,
            "share": round(self.share, 3),
        }


@dataclass(frozen=True, slots=True)
class Decision:
    """A label or unknown, with the figures behind it.

    Attributes:
        source: the query, as text.
        label: the class, or None for unknown.
        reason: why.
        similarity: cosine between the query and the class ranked first; None in an empty gallery.
        region: left, top, right and bottom of the part of the query that this is the similarity of,
            in upright pixels; None where it is that of the whole.
        score: what is compared with the threshold, in [0, 1], 1 for an enrolled picture itself;
            None in an empty gallery.
        threshold: the nearest class's own threshold, on the same scale; likewise.
        margin: similarity to the class ranked first less that to the runner-up, which is negative
            where the Siamese head prefers a less similar class; None without a runner-up.
        ambiguous: whether the runner-up, the second candidate, can't be told apart from the class
            ranked first: by local features where they found that one, else by similarity.
        candidates: the nearest classes, most similar first; with a Siamese head in force, in the
            order of similarity and head together.
        space: id of the searched space.
        calibration: what the threshold rests on, one phrase.
        location: where the first class was found in the query, if local features found it: then
            they, too, speak in its score.
        attributes: those of the class that is the answer; none for unknown.
        stranger_rate: the share of strangers that would score this high here: the target FPIR
            exactly at a computed threshold, less above it; None in an empty gallery.
        stranger_rate_interval: its 95 % interval; None where no stranger was seen, so that the rate
            is that of other galleries.
        refused: the classes that would have come first, but refuse a query so near to one of their
            counterexamples; the most similar first. Where none is left, there are no figures.
        text: the text that the query is similar to, where the first class's best example is one;
            margin and runner-up are then those among texts.
    """

    source: str
    label: str | None
    reason: Reason
    similarity: float | None
    score: float | None
    threshold: float | None
    margin: float | None
    ambiguous: bool
    candidates: tuple[Candidate, ...]
    space: str
    calibration: str
    location: Location | None = None
    region: Region | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict, hash=False)
    stranger_rate: float | None = None
    stranger_rate_interval: tuple[float, float] | None = None
    refused: tuple[Refusal, ...] = ()
    text: str | None = None

    def moved(self, across: float, down: float) -> Decision:
        """The same, its places in the pixels of a picture in which the query lies there."""
        location, region = self.location, self.region
        if region is not None:
            left, top, right, bottom = region
            region = (left + across, top + down, right + across, bottom + down)
        return replace(self, location=location and location.moved(across, down), region=region)

    @property
    def known(self) -> bool:
        """Whether the query was given a label."""
        return self.label is not None

    @property
    def stranger_rate_in_words(self) -> str:
        """Such as `1 in 140`; empty in an empty gallery."""
        return "" if self.stranger_rate is None else in_words(self.stranger_rate)

    def to_json(self) -> dict[str, Any]:
        """The object that `onelook recognize --json` prints; its keys are stable."""
        return {
            "source": self.source,
            "label": self.label,
            "known": self.known,
            "reason": self.reason.value,
            "ambiguous": self.ambiguous,
            "similarity": _rounded(self.similarity),
            "stranger_rate": _rounded(self.stranger_rate),
            "stranger_rate_interval": _interval(self.stranger_rate_interval),
            "score": _rounded(self.score),
            "threshold": _rounded(self.threshold),
            "margin": _rounded(self.margin),
            "text": self.text,
            "candidates": [candidate.to_json() for candidate in self.candidates],
            "space": self.space,
            "calibration": self.calibration,
            "location": None if self.location is None else self.location.to_json(),
            "region": None if self.region is None else [round(side, 1) for side in self.region],
            "attributes": dict(self.attributes),
            "refused": [refusal.to_json() for refusal in self.refused],
            "error": None,
        }


@dataclass(frozen=True, slots=True)
class Verification:
    """Whether two pictures show the same class.

    Attributes:
        similarity: cosine of the two embeddings, in the gallery's searched space if one is given.
        threshold: from which on a pair counts as the same class: a probability where there is one,
            else a similarity; None where no gallery gives one.
        same: the verdict, or None where there is no threshold.
        probability: that both show the same class, by the gallery's Siamese head, for a pair that
            is as likely the same as not before it is looked at; None without a head in force.
        first_in_second, second_in_first: where local features surely found one picture in the
            other, in the other's pixels; either makes them the same class, whatever the threshold.
    """

    similarity: float
    threshold: float | None
    same: bool | None
    probability: float | None = None
    first_in_second: Location | None = None
    second_in_first: Location | None = None

    def with_found(
        self, first_in_second: Location | None, second_in_first: Location | None
    ) -> Verification:
        """The same with where the pictures lie in each other, and what follows from that."""
        same = True if first_in_second or second_in_first else self.same
        return replace(
            self, same=same, first_in_second=first_in_second, second_in_first=second_in_first
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "similarity": _rounded(self.similarity),
            "threshold": _rounded(self.threshold),
            "same": self.same,
            "probability": _rounded(self.probability),
            "first_in_second": self.first_in_second and self.first_in_second.to_json(),
            "second_in_first": self.second_in_first and self.second_in_first.to_json(),
        }


@dataclass(frozen=True, slots=True)
class NearDuplicate:
    """Two classes whose examples are too close to be told apart."""

    label: str
    other: str
    similarity: float

    def __str__(self) -> str:
        return (
            f"{self.label!r} can't be told apart from {self.other!r} "
            f"(similarity {self.similarity:.4f})"
        )


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What enrolling one picture did."""

    label: str
    example_id: int
    status: EnrolmentStatus
    warnings: tuple[str, ...] = ()
    near_duplicates: tuple[NearDuplicate, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether the gallery holds something that it didn't before."""
        return self.status is not EnrolmentStatus.UNCHANGED


@dataclass(frozen=True, slots=True)
class Outlook:
    """What to expect of a gallery; shares of 1.

    Attributes:
        target_fpir: the share of strangers that may get a label.
        expected_tpir: the share of known things that would be given their label at that target.
        expected_tpir_interval: 95 % (Wilson); chance only.
        expected_tpir_of: which pictures of known things that is true of, one phrase.
        mistaken: the share of them that another class came nearest to.
        warnings: what is bad about that and what would help, one sentence each.
    """

    target_fpir: float
    expected_tpir: float
    expected_tpir_interval: tuple[float, float] | None
    expected_tpir_of: str
    mistaken: float
    warnings: tuple[str, ...] = ()

    def __str__(self) -> str:
        interval = self.expected_tpir_interval
        between = f" ({interval[0]:.0%} to {interval[1]:.0%})" if interval else ""
        return (
            f"{self.expected_tpir:.0%}{between} of {self.expected_tpir_of} given their label, at "
            f"most {100 * self.target_fpir:g} % of strangers given one"
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "target_fpir": self.target_fpir,
            "expected_tpir": _rounded(self.expected_tpir),
            "expected_tpir_interval": _interval(self.expected_tpir_interval),
            "expected_tpir_of": self.expected_tpir_of,
            "mistaken": _rounded(self.mistaken),
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True, slots=True)
class EnrolmentReport:
    """What a bulk enrolment did. Lists are bounded to the first 1,000; counts are exact.

    Attributes:
        warnings: what is doubtful about enrolled pictures, with the picture's name in front.
        passed_over: files that were no pictures by their names, by ending, in lower case.
        empty_folders: folders that name a class and gave no picture.
        remarks: what was taken for what in the source, and how to say otherwise.
        outlook: what to expect of the gallery now; None where nothing is known.
    """

    added: int
    replaced: int
    unchanged: int
    pruned: int
    rejected: int
    rejects: tuple[Reject, ...]
    warnings: tuple[str, ...]
    near_duplicates: tuple[NearDuplicate, ...]
    seconds: float
    passed_over: Mapping[str, int] = field(default_factory=dict)
    empty_folders: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    outlook: Outlook | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "added": self.added,
            "replaced": self.replaced,
            "unchanged": self.unchanged,
            "pruned": self.pruned,
            "rejected": self.rejected,
            "rejects": [{"source": r.source, "reason": r.reason} for r in self.rejects],
            "warnings": list(self.warnings),
            "near_duplicates": [
                {"label": n.label, "other": n.other, "similarity": round(n.similarity, 6)}
                for n in self.near_duplicates
            ],
            "passed_over": dict(self.passed_over),
            "empty_folders": list(self.empty_folders),
            "remarks": list(self.remarks),
            "outlook": None if self.outlook is None else self.outlook.to_json(),
            "seconds": round(self.seconds, 3),
        }


def in_words(rate: float) -> str:
    """A stranger rate for people: `4 in 10`, `1 in 140`, `under 1 in 10,000`."""
    if rate >= 0.15:
        return f"{round(10 * rate)} in 10"
    if rate < 1e-4:
        return "under 1 in 10,000"
    number = 1 / rate
    if number >= 100:
        digits = 10 ** (len(str(int(number))) - 2)
        number = round(number / digits) * digits
    return f"1 in {round(number):,}"


def _interval(value: tuple[float, float] | None) -> list[float] | None:
    return None if value is None else [round(end, 6) for end in value]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
