"""What is known of a sketch, apart from the sketch itself, which needs FAISS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Fit:
    """How a sketch was made, and how well it finds.

    Attributes:
        group: how many dimensions share four bits: 8, 4, 2 or 1.
        candidates: how many rows to compare exactly.
        recall: by k, the share of a sample's k nearest neighbours that were found so.
        rows: how many rows there were then.
    """

    group: int
    candidates: int
    recall: Mapping[int, float]
    rows: int

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Fit:
        """Read what `dataclasses.asdict` and JSON, whose keys are text, made of one."""
        recall = {int(k): share for k, share in data["recall"].items()}
        return cls(**{**data, "recall": recall})
