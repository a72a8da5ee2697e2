"""From the scores of strangers to a threshold that holds a target FPIR.

Each class in turn is left out and its picture played as a stranger; the normalised score of the
nearest remaining class is a *stranger score*. The level is the score that at most the target share
of strangers reaches: the `⌈(n + 1)(1 − target)⌉`-th smallest of n stranger scores, which holds the
target on average for one more exchangeable stranger whatever their distribution (split conformal
prediction, Vovk et al. 2005). Where n is too small for that rank, an exponential tail is fitted to
the highest tenth.

A gallery that has grown from N₀ classes to N offers a stranger N / N₀ times as many chances. Taking
them as independent, the level is read off at `(1 − target)^(N₀ / N)` instead of `1 − target`.
"""

from __future__ import annotations

import io
import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from engine.decision.scores import Float64Array

_LEVEL_WITHOUT_STRANGERS = 3.0
_LEAST_STRANGERS = 10
_TAIL_SHARE = 0.1
_LEAST_TAIL = 5


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """What the thresholds of a gallery rest on, in one searched space.

    Attributes:
        method: how the stranger scores were come by, one phrase.
        stranger_scores: `(n,) float64`, ascending: normalised scores that strangers reached.
        classes: how many classes the gallery had then.
        generation: the gallery's generation then.
        created_at: when that was.
    """

    method: str
    stranger_scores: Float64Array
    classes: int
    generation: int
    created_at: datetime

    @classmethod
    def of_strangers(
        cls, scores: Float64Array, *, method: str, classes: int, generation: int
    ) -> Calibration:
        """A calibration from the normalised scores that strangers reached, in any order."""
        return cls(method, np.sort(scores), classes, generation, datetime.now(UTC))

    @classmethod
    def empty(cls) -> Calibration:
        """What holds before anything is known: three deviations above the nearest impostors."""
        return cls("no strangers known", np.empty(0), 0, 0, datetime.now(UTC))

    def level(self, target_fpir: float, classes: int) -> float:
        """The least normalised score that is accepted, in a gallery of that many classes.

        Args:
            target_fpir: the share of strangers that may get a label, in (0, 1).
        """
        n = self.stranger_scores.shape[0]
        if n < _LEAST_STRANGERS:
            return _LEVEL_WITHOUT_STRANGERS
        growth = max(1.0, classes / max(1, self.classes))
        accepted = 1.0 - (1.0 - target_fpir) ** (1.0 / growth)
        rank = math.ceil((n + 1) * (1.0 - accepted))
        if rank <= n:
            return float(self.stranger_scores[rank - 1])
        return self._tail_level(accepted)

    def describe(self, target_fpir: float) -> str:
        """One phrase for a decision to cite."""
        return (
            f"{self.method}; {self.stranger_scores.shape[0]} strangers, "
            f"{self.classes} classes, target FPIR {target_fpir:g}"
        )

    def to_bytes(self) -> bytes:
        """Read back by `from_bytes`: a JSON line and the scores as little-endian float64."""
        header: dict[str, Any] = {
            "method": self.method,
            "classes": self.classes,
            "generation": self.generation,
            "created_at": self.created_at.isoformat(),
        }
        return json.dumps(header).encode() + b"\n" + self.stranger_scores.astype("<f8").tobytes()

    @classmethod
    def from_bytes(cls, payload: bytes) -> Calibration:
        """Read what `to_bytes` wrote."""
        stream = io.BytesIO(payload)
        header = json.loads(stream.readline())
        scores = np.frombuffer(stream.read(), "<f8")
        created_at = datetime.fromisoformat(header.pop("created_at"))
        return cls(stranger_scores=scores, created_at=created_at, **header)

    def _tail_level(self, accepted: float) -> float:
        """The level beyond the scores seen: exponential excesses over the tail's start.

        With mean excess m over u, exceeded by a share p, `P(S > x) = p · exp(−(x − u) / m)`
        (the generalised Pareto distribution with shape 0; Coles 2001, section 4).
        """
        n = self.stranger_scores.shape[0]
        tail = max(_LEAST_TAIL, math.ceil(_TAIL_SHARE * n))
        start = float(self.stranger_scores[n - tail - 1])
        mean_excess = float(np.mean(self.stranger_scores[n - tail :] - start))
        extrapolated = start + mean_excess * math.log(tail / n / accepted)
        return max(extrapolated, float(self.stranger_scores[-1]))
