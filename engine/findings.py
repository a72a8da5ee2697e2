"""What was found in a picture, and where: one thing each, and all of them together.

In forms that others take: plain arrays, JSON, COCO results.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .types import Decision, FloatArray


@dataclass(frozen=True, slots=True)
class Finding:
    """A thing in a picture: where, and which class or unknown.

    Attributes:
        decision: about the part of the picture that shows it; its stranger rate is the picture's.
        box: left, top, right and bottom of its outline, in upright pixels of the picture; beyond
            the edges where the thing is cut off.
        corners: x and y of its corners, clockwise from the enrolled picture's upper left.
        inliers: matched points that agree on it; 0 where the picture as a whole was recognised.
        share: of the enrolled picture that was found; likewise.
    """

    decision: Decision
    box: tuple[float, float, float, float]
    corners: tuple[tuple[float, float], ...]
    inliers: int
    share: float

    @property
    def label(self) -> str | None:
        """The class, or None for unknown."""
        return self.decision.label

    @property
    def known(self) -> bool:
        """Whether it was given a label."""
        return self.decision.known

    @property
    def similarity(self) -> float | None:
        """Cosine between its part of the picture and the class ranked first."""
        return self.decision.similarity

    @property
    def stranger_rate(self) -> float | None:
        """The share of pictures of strangers, at most, in which anything would score this high."""
        return self.decision.stranger_rate

    @property
    def score(self) -> float | None:
        """What is compared with the threshold."""
        return self.decision.score

    def moved(self, across: float, down: float) -> Finding:
        """The same, in the pixels of a picture in which its own lies there."""
        left, top, right, bottom = self.box
        return replace(
            self,
            decision=self.decision.moved(across, down),
            box=(left + across, top + down, right + across, bottom + down),
            corners=tuple((x + across, y + down) for x, y in self.corners),
        )

    def to_json(self) -> dict[str, Any]:
        """The decision's keys, and where."""
        told = self.decision.to_json()
        for key in ("source", "location", "region", "error"):
            told.pop(key, None)
        return {
            **told,
            "box": [round(side, 1) for side in self.box],
            "corners": [[round(x, 1), round(y, 1)] for x, y in self.corners],
            "inliers": self.inliers,
            "share": round(self.share, 3),
        }


class FindingArrays(NamedTuple):
    """Findings as plain arrays, a row each.

    Attributes:
        xyxy: `(n, 4) float32`: left, top, right, bottom, within the picture.
        confidence: `(n,) float32`: the scores, held within 0 and 1.
        labels: `(n,)` of `str`.
    """

    xyxy: FloatArray
    confidence: FloatArray
    labels: npt.NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything found in one picture, most certain first, nothing twice.

    Attributes:
        source: the picture, as text.
        width, height: of it, upright, in pixels.
        found: the things.
    """

    source: str
    width: int
    height: int
    found: tuple[Finding, ...]

    def __len__(self) -> int:
        return len(self.found)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.found)

    def __getitem__(self, number: int) -> Finding:
        return self.found[number]

    @property
    def known(self) -> tuple[Finding, ...]:
        """Those that were given a label."""
        return tuple(finding for finding in self.found if finding.known)

    def moved(self, across: float, down: float, size: tuple[int, int]) -> Findings:
        """The same, in the pixels of a picture of that size in which this one lies there."""
        if size == (self.width, self.height):
            return self
        found = tuple(finding.moved(across, down) for finding in self.found)
        return Findings(self.source, *size, found)

    def to_arrays(self) -> FindingArrays:
        """Those with a label as plain arrays, such as supervision's `Detections` takes."""
        known = self.known
        return FindingArrays(
            np.array([self._within(finding) for finding in known], np.float32).reshape(-1, 4),
            np.array([_confidence(finding) for finding in known], np.float32),
            np.array([finding.label for finding in known], np.str_),
        )

    def to_coco(self, image_id: int) -> list[dict[str, Any]]:
        """Those with a label as COCO results, the gallery's class ids as categories."""
        results = []
        for finding in self.known:
            left, top, right, bottom = self._within(finding)
            results.append(
                {
                    "image_id": image_id,
                    "category_id": finding.decision.candidates[0].class_id,
                    "bbox": [round(v, 2) for v in (left, top, right - left, bottom - top)],
                    "segmentation": [[round(v, 2) for corner in finding.corners for v in corner]],
                    "score": round(_confidence(finding), 6),
                }
            )
        return results

    def to_json(self) -> dict[str, Any]:
        """The object that `onelook locate --json` prints; its keys are stable."""
        return {
            "source": self.source,
            "width": self.width,
            "height": self.height,
            "findings": [finding.to_json() for finding in self.found],
            "error": None,
        }

    def _within(self, finding: Finding) -> tuple[float, float, float, float]:
        left, top, right, bottom = finding.box
        return (
            min(max(left, 0.0), self.width),
            min(max(top, 0.0), self.height),
            min(max(right, 0.0), self.width),
            min(max(bottom, 0.0), self.height),
        )


def _confidence(finding: Finding) -> float:
    return min(max(finding.score or 0.0, 0.0), 1.0)
