"""A Siamese head with what is known of it: where it came from, and whether it is in force."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..errors import CalibrationError
from .siamese import SiameseHead

TARGET_FAR = 0.01
"""The share of pairs of different classes that may pass for the same."""


@dataclass(frozen=True, slots=True, eq=False)
class TrainedHead:
    """The head of one searched space, as a gallery keeps it.

    Attributes:
        siamese: the head itself.
        active: whether it is in force: `verify` and `recognize` use it.
        least_probability: from which on a pair counts as the same class.
        method: what it was trained on, one phrase.
        classes: how many classes those were.
        generation: the gallery's generation then.
        created_at: when that was.
        judged: the figures it was compared with cosine by; see `engine.tuning.head_judging`.
        seen: fingerprints of the pictures that it was trained on, gallery aside, as those of a
            `Calibration`.
    """

    siamese: SiameseHead
    active: bool
    least_probability: float
    method: str
    classes: int
    generation: int
    created_at: datetime
    judged: Mapping[str, Any] = field(default_factory=dict)
    seen: frozenset[str] = frozenset()

    def describe(self) -> str:
        """One phrase for people to read."""
        state = "in force" if self.active else "kept, but not in force"
        when = self.created_at.isoformat(timespec="seconds")
        return f"{state}; trained on {self.method}, {self.classes} classes, {when}"

    def to_bytes(self) -> bytes:
        """Read back by `from_bytes`: a JSON line, then the head's own bytes."""
        header = {
            "active": self.active,
            "least_probability": self.least_probability,
            "method": self.method,
            "classes": self.classes,
            "generation": self.generation,
            "created_at": self.created_at.isoformat(),
            "judged": dict(self.judged),
            "seen": sorted(self.seen),
        }
        return json.dumps(header).encode() + b"\n" + self.siamese.to_bytes()

    @classmethod
    def from_bytes(cls, payload: bytes) -> TrainedHead:
        """Read what `to_bytes` wrote.

        Raises:
            CalibrationError: the bytes are no trained head, or a damaged one.
        """
        line, _, rest = payload.partition(b"\n")
        siamese = SiameseHead.from_bytes(rest)
        try:
            header = json.loads(line)
            created_at = datetime.fromisoformat(header.pop("created_at"))
            seen = frozenset(header.pop("seen", ()))
            return cls(siamese, created_at=created_at, seen=seen, **header)
        except (ValueError, KeyError, TypeError) as error:
            raise CalibrationError(
                f"expected a trained Siamese head, but its description can't be read ({error}); "
                "train the head again"
            ) from None
