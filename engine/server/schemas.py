"""What goes over the wire; the service answers with these and the client returns them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Label = str
RowId = Annotated[int, Field(ge=1, le=2**53)]
"""An id that any database can hold, and JavaScript too."""


class Schema(BaseModel):
    """Base of everything on the wire: read-only."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class Problem(Schema):
    """An error (RFC 9457); `error` names the exception that the library would raise."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    error: str


class CandidateOut(Schema):
    """A class that a query may belong to."""

    label: Label
    similarity: float
    class_id: int
    example_id: int
    text: str | None = None
    attributes: dict[str, Any] = {}


class LocationOut(Schema):
    """Where in a picture its class's enrolled picture was found, in upright pixels of it.

    `box`: left, top, right and bottom; `corners`: x and y, clockwise from the enrolled picture's
    upper left; `share`: of the enrolled picture that was found.
    """

    box: list[float]
    corners: list[list[float]]
    inliers: int
    share: float


class RefusalOut(Schema):
    """A class that refuses a query, which is near to one of its counterexamples."""

    label: Label
    similarity: float
    counterexample_id: int
    counterexample_similarity: float


class DecisionOut(Schema):
    """A label or unknown, with its evidence; or in a list, why a picture could not be read.

    `stranger_rate` is the share of strangers that would score this high, and its 95 % interval;
    `score` and `threshold` are numbers from 0 to 1, and `similarity` is the cosine, of the part of
    the picture within `region` (left, top, right, bottom, in pixels), or without one of all of it.
    `text` is what it is the similarity to, where that is no picture.
    """

    source: str
    label: Label | None = None
    known: bool = False
    reason: str | None = None
    ambiguous: bool = False
    stranger_rate: float | None = None
    stranger_rate_interval: tuple[float, float] | None = None
    similarity: float | None = None
    score: float | None = None
    threshold: float | None = None
    margin: float | None = None
    text: str | None = None
    candidates: list[CandidateOut] = []
    space: str | None = None
    calibration: str | None = None
    location: LocationOut | None = None
    region: list[float] | None = None
    attributes: dict[str, Any] = {}
    refused: list[RefusalOut] = []
    error: str | None = None


class DecisionsOut(Schema):
    """One decision for each picture, in order."""

    results: list[DecisionOut]


class FindingOut(Schema):
    """A thing in a picture: a decision about it, and where it is, as `LocationOut` tells it."""

    label: Label | None
    known: bool
    reason: str
    ambiguous: bool
    stranger_rate: float | None
    stranger_rate_interval: tuple[float, float] | None
    similarity: float | None
    score: float | None
    threshold: float | None
    margin: float | None
    text: str | None = None
    candidates: list[CandidateOut]
    refused: list[RefusalOut] = []
    box: list[float]
    corners: list[list[float]]
    inliers: int
    share: float


class FindingsOut(Schema):
    """Everything found in one picture, most certain first; or why it could not be read."""

    source: str
    width: int | None = None
    height: int | None = None
    findings: list[FindingOut] = []
    error: str | None = None


class FindingsListOut(Schema):
    """What each picture shows, in order."""

    results: list[FindingsOut]


class NearestOut(Schema):
    """The nearest classes of one picture, most similar first."""

    source: str
    candidates: list[CandidateOut] = []
    error: str | None = None


class NearestListOut(Schema):
    """The nearest classes of each picture, in order."""

    results: list[NearestOut]


class VerificationOut(Schema):
    """Whether two pictures show the same class.

    With a trained Siamese head in force, `probability` is what the head gives and what `threshold`
    is about; else it is null, and `threshold` is a similarity. Where local features surely found
    one picture in the other, it is said where, and they count as the same.
    """

    similarity: float
    threshold: float | None
    same: bool | None
    probability: float | None
    first_in_second: LocationOut | None = None
    second_in_first: LocationOut | None = None


class GalleryOut(Schema):
    """What the service serves, and what the caller may do."""

    version: str
    backbone: str
    dimension: int
    space: str
    classes: int
    examples: int
    generation: int
    keep_pictures: str
    target_fpir: float
    read_only: bool
    keep_unknown: int
    kept_unknown: int
    scope: str
    max_pictures: int
    max_image_bytes: int
    knows_texts: bool = False


class ClassOut(Schema):
    """A class in a list."""

    id: int
    label: Label
    examples: int
    example_id: int | None
    pinned_threshold: float | None
    attributes: dict[str, Any] = {}


class ClassPageOut(Schema):
    """Classes; `next` is what to give as `after` for the next page, or null at the end.

    `alike`: no label contains what was searched for, and these are those most like it.
    """

    classes: list[ClassOut]
    next: Label | None
    alike: bool = False


class AttributeValueOut(Schema):
    """A value as it is written in a filter, and how many classes have it."""

    value: str
    classes: int


class AttributeOut(Schema):
    """An attribute that classes have, with its commonest values."""

    name: str
    values: list[AttributeValueOut]


class AttributesOut(Schema):
    """The attributes that classes have, by name."""

    attributes: list[AttributeOut]


class ExampleOut(Schema):
    """An enrolled picture of a class, or the part of one within the box; or a text."""

    id: int
    class_id: int
    label: Label
    source: str
    text: str | None = None
    box: tuple[float, float, float, float] | None = None
    width: int
    height: int
    created_at: datetime
    warnings: list[str]
    has_picture: bool


class CounterexampleOut(Schema):
    """A picture that looks like a class and isn't of it."""

    id: int
    class_id: int
    label: Label
    source: str
    width: int
    height: int
    created_at: datetime
    has_picture: bool


class CounterexamplesOut(Schema):
    """The counterexamples of a class, in the order that they came in."""

    counterexamples: list[CounterexampleOut]


class NeighbourOut(Schema):
    """Another class near to this one.

    `confusable`: its examples would be taken for this class, were they not nearer to their own.
    """

    class_id: int
    label: Label
    similarity: float
    example_id: int
    confusable: bool


class ClassDetailOut(Schema):
    """A class with its examples, its threshold and its neighbours.

    `threshold` is null for a class that never had an example; `stranger_rate` is the share of
    strangers that would reach it: the target, unless the threshold is pinned. `strangers` are kept
    queries called unknown that came nearest to it, shown to those who may review them.
    """

    id: int
    label: Label
    attributes: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    threshold: float | None
    stranger_rate: float | None = None
    pinned_threshold: float | None
    examples: list[ExampleOut]
    neighbours: list[NeighbourOut]
    strangers: list[int]


class NearDuplicateOut(Schema):
    """Two classes that can't be told apart."""

    label: Label
    other: Label
    similarity: float
    example_id: int | None = None
    other_example_id: int | None = None


class EnrolmentOut(Schema):
    """What enrolling one picture did."""

    label: Label
    class_id: int
    example_id: int
    status: Literal["added", "replaced", "unchanged"]
    warnings: list[str]
    near_duplicates: list[NearDuplicateOut]


class ClassChange(Schema):
    """What to change of a class; what is left out stays. A threshold of null is computed again.

    Attributes that are given take the place of all that it has.
    """

    label: Label | None = None
    pinned_threshold: float | None = Field(default=None, ge=0.0, le=1.0)
    attributes: dict[str, Any] | None = None


class ClassesIn(Schema):
    """Classes to remove, or to merge into another."""

    class_ids: list[RowId] = Field(min_length=1, max_length=1000)


class RemovedOut(Schema):
    """How many classes were removed."""

    removed: int


class RejectOut(Schema):
    """A picture that could not be enrolled or read, and why."""

    source: str
    reason: str


class OutlookOut(Schema):
    """What to expect of the gallery now; shares of 1.

    `mistaken` is the share of known things that another class comes nearest to; `warnings` say what
    is bad about that, and what would help.
    """

    target_fpir: float
    expected_tpir: float
    expected_tpir_interval: tuple[float, float] | None = None
    expected_tpir_of: str
    mistaken: float
    warnings: list[str] = []


class JobReportOut(Schema):
    """What came out of a job so far; the lists are bounded, the counts exact."""

    added: int = 0
    replaced: int = 0
    unchanged: int = 0
    rejected: int = 0
    rejects: list[RejectOut] = []
    warnings: list[str] = []
    near_duplicates: list[NearDuplicateOut] = []
    outlook: OutlookOut | None = None
    seconds: float = 0.0
    evaluation: EvaluationOut | None = None


class CurvePointOut(Schema):
    """One point of a DET curve: shares of strangers named and of known queries not named right."""

    fpir: float
    fnir: float


class HistogramOut(Schema):
    """Counts between edges; there is one more edge than there are counts."""

    edges: list[float]
    counts: list[int]


class FigureOut(Schema):
    """A share in [0, 1] with its 95 % interval, or why the data can't show it."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    refused: str | None = None


class EvaluationOut(Schema):
    """How labelled queries fared: the figures of `onelook evaluate`.

    `strangers_are` says where the strangers come from, `calibration` what the thresholds rest on.
    `reached` holds the FPIR reached with the thresholds for other targets, by target. Scores are
    less the threshold, so that 0 is where the service decides.
    """

    known: int
    strangers: int
    strangers_are: str
    calibration: str
    target_fpir: float
    warnings: list[str]
    figures: dict[str, FigureOut]
    reached: dict[str, FigureOut]
    known_scores: HistogramOut
    stranger_scores: HistogramOut
    det: list[CurvePointOut]


JobReportOut.model_rebuild()


class JobOut(Schema):
    """A long piece of work."""

    id: int
    kind: Literal["enrolment", "calibration", "evaluation"]
    state: Literal["uploading", "waiting", "running", "done", "failed", "cancelled"]
    done: int
    total: int
    report: JobReportOut
    error: str | None
    cancelling: bool
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class JobPageOut(Schema):
    """Jobs, newest first; `next` is what to give as `before` for the next page."""

    jobs: list[JobOut]
    next: int | None


class KeptQueryOut(Schema):
    """A query called unknown, kept for review."""

    id: int
    created_at: datetime
    nearest: Label | None
    nearest_id: int | None
    similarity: float | None
    threshold: float | None


class ReviewOut(Schema):
    """Kept queries in clusters of likeness, the largest first."""

    keep_unknown: int
    total: int
    clusters: list[list[KeptQueryOut]]


class ReviewEnrolIn(Schema):
    """Kept queries to enroll together under one label."""

    label: Label
    query_ids: list[RowId] = Field(min_length=1, max_length=1000)


class ReviewEnrolOut(Schema):
    """What enrolling kept queries did."""

    label: Label
    class_id: int
    enrolled: int
    rejects: list[RejectOut]


class ForgetIn(Schema):
    """Kept queries to erase."""

    query_ids: list[RowId] = Field(min_length=1, max_length=1000)


class ForgottenOut(Schema):
    """How many kept queries were erased."""

    forgotten: int


class FeedbackOut(Schema):
    """What was noted: the class that a picture shows, and what the service had said.

    By its `id` it can be taken back.
    """

    id: int
    label: Label | None
    decided: Label | None
    right: bool


class FeedbackCountsOut(Schema):
    """How often people said that a decision was right or wrong."""

    right: int = 0
    misnamed: int = 0
    missed: int = 0
    strangers_named: int = 0


class MatchesOut(Schema):
    """Points of the picture, or of the part meant, and those of the enrolled one that they match.

    `points`: x and y in the one and in the other, in pixels of pictures that are `query_size` and
    `enrolled_size` wide and high; some of all that agree. `score_without`: what similarity alone
    would score.
    """

    points: list[list[float]]
    query_size: tuple[int, int]
    enrolled_size: tuple[int, int]
    score_without: float


class ExplanationOut(Schema):
    """What a decision rests on.

    `impostors`: similarities of pictures of other things to the class ranked first; `genuine`: of
    slightly changed views of its own pictures, an upper bound on those of new ones. Both have the
    same bins. `matches`: what local features found, if they did. `because` says it in English.
    """

    decision: DecisionOut
    because: list[str]
    impostors: HistogramOut
    genuine: HistogramOut
    matches: MatchesOut | None = None


class QueryDriftOut(Schema):
    """How far queries sit from the catalog, in units of the catalog's spread.

    `by_chance` is what `distance` would be if queries were catalog pictures; `moved` is how far
    those of late sit from the first after the calibration, null while there are too few; `alarm`
    says that they have left what it knows.
    """

    queries: int
    distance: float
    by_chance: float
    moved: float | None
    alarm: bool


class QualityOut(Schema):
    """The calibration in force, target against what was measured."""

    method: str
    strangers: int
    classes_then: int
    classes_now: int
    created_at: datetime | None
    target_fpir: float
    measured_fpir: float | None
    level: float
    stranger_scores: HistogramOut
    feedback: FeedbackCountsOut
    queries: QueryDriftOut | None = None
    evaluation: EvaluationOut | None
    evaluated_at: datetime | None


class NeedyOut(Schema):
    """A class that another picture would help.

    People said of `missed` queries called unknown, and of `mistaken` ones given another name, that
    they show it; `near` is the class that its picture is most similar to.
    """

    class_id: int
    label: Label
    example_id: int | None
    examples: int
    missed: int
    mistaken: int
    near: Label | None
    similarity: float | None


class ConfusedOut(Schema):
    """Two classes of which one's picture would be given the other's name, were its own gone."""

    class_id: int
    label: Label
    example_id: int | None
    other_id: int
    other: Label
    other_example_id: int | None
    similarity: float


class AdviceOut(Schema):
    """What to do next.

    `single`: classes with one picture; `looked_at`: how many pictures were compared with the other
    classes'; `outgrown`: the gallery has changed much since it was calibrated.
    """

    second_picture: list[NeedyOut]
    confused: list[ConfusedOut]
    confused_pairs: int
    looked_at: int
    single: int
    expected_tpir: float | None
    expected_tpir_of: str | None
    outgrown: bool
    feedback: int


class TargetIn(Schema):
    """The share of strangers that may get a label."""

    target_fpir: float = Field(gt=0.0, lt=1.0)


class LoginIn(Schema):
    """A token to exchange for a cookie."""

    token: str = Field(max_length=200)


class SessionOut(Schema):
    """Who is asking: `login` says whether a token is needed; `csrf` goes into `X-CSRF-Token`."""

    scope: str | None
    login: bool
    csrf: str | None


class HealthOut(Schema):
    """Whether the process lives."""

    status: str


class ReadinessOut(Schema):
    """Whether requests are welcome, and what doesn't work."""

    status: Literal["ready", "starting", "stopping", "broken"]
    problems: list[str]
