"""What a gallery holds and how it decides, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from ..types import KeepPictures, Outlook
from .query_sums import QueryDrift


@dataclass(frozen=True, kw_only=True)
class IndexDescription:
    """What searches a gallery.

    Attributes:
        engine: `faiss`, each process for itself, or `pgvector`, the database for all.
        because: why that one.
        kind: `exact` or `approximate`.
        size, dimension: of the vectors it holds.
        parameters: further ones, by name, which differ from one kind to another.
    """

    engine: str
    because: str
    kind: str
    size: int
    dimension: int
    parameters: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """The parameters stand beside the other attributes."""
        described = asdict(self)
        parameters = described.pop("parameters")
        return {**described, **parameters}


@dataclass(frozen=True, kw_only=True)
class LocalFeaturesDescription:
    """The local features that a gallery keeps.

    Attributes:
        points: kept of each picture at most; 0 where none are kept.
        examples, without: how many examples have some, and how many have none.
    """

    points: int
    examples: int
    without: int


@dataclass(frozen=True, kw_only=True)
class GalleryDescription:
    """What a gallery holds and how it decides, for people and programs.

    Attributes:
        gallery: where it lies; a database's URL is without its password.
        classes, examples, pictures, rejects: how many there are of each; pictures are those kept.
        picture_bytes: what these take on the disk.
        generation: of the snapshot that decides.
        backbone, space: the network's name, and the id of the space of its embeddings.
        projection, searched_space: the kind of map from there, and the id of the space it leads to.
        index: what searches it.
        target_fpir: the share of strangers that may get a label.
        calibration: what the thresholds rest on, one phrase.
        outlook: what to expect of it; None where nothing is known.
        queries: how far queries sit from it; None where none was counted.
        pinned_thresholds: how many are in force.
        counterexamples: how many pictures that aren't of a class decisions go by.
        texts: how many of the examples are texts.
        siamese_head: how that stands, one phrase; None where none was trained.
        local_features: what is kept of them.
        keep_pictures: how examples' pictures are kept.
        created_at: when it was made, UTC.
        read_only: whether writes are refused.
        advice: a sentence on what is worth doing; None where nothing is.
    """

    gallery: str
    classes: int
    examples: int
    pictures: int
    picture_bytes: int
    rejects: int
    generation: int
    backbone: str
    space: str
    projection: str
    searched_space: str
    index: IndexDescription
    target_fpir: float
    calibration: str
    outlook: Outlook | None
    queries: QueryDrift | None
    pinned_thresholds: int
    counterexamples: int
    texts: int
    siamese_head: str | None
    local_features: LocalFeaturesDescription
    keep_pictures: KeepPictures
    created_at: datetime
    read_only: bool
    advice: str | None

    def to_json(self) -> dict[str, Any]:
        """As `onelook info --json` prints it."""
        return asdict(self) | {
            "index": self.index.to_json(),
            "outlook": None if self.outlook is None else self.outlook.to_json(),
            "keep_pictures": self.keep_pictures.value,
            "created_at": self.created_at.isoformat(),
        }
