"""The frozen values that the service's stores take and hand out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from ...types import FloatArray


class JobState(StrEnum):
    """Where a job stands; the last three are final."""

    UPLOADING = "uploading"
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Whether nothing more will happen."""
        return self in (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """A token, without its secret.

    Attributes:
        id: the public part of the token.
        secret_hash: SHA-256 of the secret part, hex.
        scope: the widest thing that it allows.
        revoked_at: since when it is refused, or None.
        expires_at: from when on it is refused, or None.
        last_used_at: when a service last took it, to the minute or so; None: never.
    """

    id: str
    name: str
    secret_hash: str
    scope: str
    created_at: datetime
    revoked_at: datetime | None
    expires_at: datetime | None
    last_used_at: datetime | None

    def expired(self, now: datetime) -> bool:
        """Whether its time is over."""
        return self.expires_at is not None and now >= self.expires_at


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A long piece of work.

    Attributes:
        parameters: what was asked for; JSON.
        done, total: pictures dealt with, and how many there are as far as is known.
        report: what came out so far; JSON.
        error: why it failed, one sentence.
        cancelling: whether it was asked to stop.
    """

    id: int
    kind: str
    state: JobState
    parameters: Mapping[str, Any]
    done: int
    total: int
    report: Mapping[str, Any]
    error: str | None
    cancelling: bool
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class JobFileRecord:
    """A file that a job is to work on: what its sender calls it, and its size in bytes."""

    id: int
    name: str
    size: int


@dataclass(frozen=True, slots=True, eq=False)
class NewQuery:
    """A query called unknown, about to be kept.

    Attributes:
        picture: an encoded copy.
        vector: `(dim,) float32`, unit length, of the backbone's space (not projected).
        space_id: of that space.
        nearest_id: the nearest class's id, or None in an empty gallery.
        similarity, threshold: of the decision, or None in an empty gallery.
        width, height: of the upright picture as it came, in pixels.
    """

    source: str
    content_hash: str
    picture: bytes
    vector: FloatArray
    space_id: str
    nearest_id: int | None
    similarity: float | None
    threshold: float | None
    width: int
    height: int


@dataclass(frozen=True, slots=True, eq=False)
class KeptQuery:
    """A query called unknown that was kept for review; see `NewQuery`. Its picture is apart."""

    id: int
    created_at: datetime
    source: str
    content_hash: str
    vector: FloatArray
    nearest_id: int | None
    similarity: float | None
    threshold: float | None
    width: int
    height: int


@dataclass(frozen=True, slots=True, eq=False)
class Feedback:
    """What somebody said a query shows.

    Attributes:
        label: the class it shows, or None: none of them.
        decided: the label that the decision gave, or None for unknown.
        similarity, threshold: of that decision.
        vector: `(dim,) float32`, unit length, of the backbone's space (not projected).
        space_id: of that space.
    """

    label: str | None
    decided: str | None
    similarity: float | None
    threshold: float | None
    vector: FloatArray
    space_id: str
