"""From the scores of strangers to a threshold that holds a target FPIR.

Whatever the evidence, a calibration comes down to *stranger scores*: the normalised scores that
pictures of no enrolled class reach with the class nearest to them. The level is the score that at
most the target share of strangers reaches: the `⌈(n + 1)(1 − target)⌉`-th smallest of n stranger
scores, which holds the target on average for one more exchangeable stranger whatever their
distribution (split conformal prediction, Vovk et al. 2005). Where n is too small for that rank, an
exponential tail is fitted to the highest tenth.

A gallery that has grown from N₀ classes to N offers a stranger N / N₀ times as many chances. Taking
them as independent, the level is read off at `(1 − target)^(N₀ / N)` instead of `1 − target`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np

from engine.decision.scores import FORM, Float64Array
from engine.errors import CalibrationError

_LEVEL_WITHOUT_STRANGERS = 3.0
_LEAST_STRANGERS = 10
_TAIL_SHARE = 0.1
_LEAST_TAIL = 5
_LEAST_SHARE = 1e-9
_EXTRAPOLATED = 10
"""How far beyond the strangers seen the tail is trusted: to a tenth of one in so many."""

_FINGERPRINT = 16

OUTGROWN = 2.0
"""A gallery with so many times the classes of its calibration should be calibrated again."""


def fingerprint(content_hash: str) -> str:
    """What is remembered of a picture that something was learned from: the head of its hash."""
    return content_hash[:_FINGERPRINT]


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """What the thresholds of a gallery rest on, in one searched space.

    Attributes:
        method: how the stranger scores were come by, one phrase.
        stranger_scores: `(n,) float64`, ascending: normalised scores that strangers reached.
        genuine_scores: `(m,) float64`, ascending: those of queries whose own class came first;
            `-inf` for queries whose own class didn't. Empty where nothing is known of them.
        upper_bound: the genuine scores are those of changed views of enrolled pictures, which new
            pictures rarely reach.
        strangers: how many pictures stand behind the stranger scores.
        classes: how many classes the gallery had then.
        generation: the gallery's generation then.
        created_at: when that was.
        automatic: it rests on the gallery alone, so that enrolment may make it anew.
        evidence: counts by kind, such as `{"left-out classes": 180}`.
        seen: fingerprints of the pictures that it was made on, gallery aside; an evaluation must
            not score them again. See `fingerprint`.
    """

    method: str
    stranger_scores: Float64Array
    genuine_scores: Float64Array
    strangers: int
    classes: int
    generation: int
    created_at: datetime
    automatic: bool
    evidence: Mapping[str, int] = field(default_factory=dict)
    seen: frozenset[str] = frozenset()
    upper_bound: bool = False

    @classmethod
    def of_strangers(
        cls,
        scores: Float64Array,
        *,
        method: str,
        classes: int,
        generation: int,
        genuine: Float64Array | None = None,
        strangers: int | None = None,
        automatic: bool = True,
        evidence: Mapping[str, int] | None = None,
    ) -> Calibration:
        """A calibration from the normalised scores that strangers reached, in any order."""
        return cls(
            method=method,
            stranger_scores=np.sort(scores),
            genuine_scores=np.sort(genuine) if genuine is not None else np.empty(0),
            strangers=scores.shape[0] if strangers is None else strangers,
            classes=classes,
            generation=generation,
            created_at=datetime.now(UTC),
            automatic=automatic,
            evidence=evidence or {},
        )

    @classmethod
    def empty(cls, method: str = "no strangers known") -> Calibration:
        """What holds before anything is known: three deviations above the nearest impostors."""
        return cls.of_strangers(np.empty(0), method=method, classes=0, generation=0)

    def level(self, target_fpir: float, classes: int) -> float:
        """The least normalised score that is accepted, in a gallery of that many classes.

        Args:
            target_fpir: the share of strangers that may get a label, in (0, 1).
        """
        n = self.stranger_scores.shape[0]
        if n < _LEAST_STRANGERS:
            return _LEVEL_WITHOUT_STRANGERS
        growth = max(1.0, classes / max(1, self.classes))
        accepted = max(-math.expm1(math.log1p(-target_fpir) / growth), _LEAST_SHARE)
        rank = math.ceil((n + 1) * (1.0 - accepted))
        if rank <= n:
            return float(self.stranger_scores[rank - 1])
        return self._tail_level(accepted)

    def require(self, target_fpir: float) -> None:
        """Raise where the evidence can't carry a target.

        Raises:
            CalibrationError: naming how many strangers the target needs.
        """
        needed = math.ceil(1.0 / max(_EXTRAPOLATED * target_fpir, _LEAST_SHARE))
        if self.strangers < max(needed, _LEAST_STRANGERS):
            raise CalibrationError(
                f"not enough impostors for a target FPIR of {100 * target_fpir:g} %: it needs "
                f"about {max(needed, _LEAST_STRANGERS):,}, and there are {self.strangers:,} "
                f"({self.method}); enroll more classes, give strangers, or choose a higher target"
            )

    def expected_tpir(self, target_fpir: float, classes: int) -> float | None:
        """The share of known queries given their right label; None where nothing is known of it."""
        if not self.genuine_scores.size:
            return None
        return float((self.genuine_scores >= self.level(target_fpir, classes)).mean())

    @property
    def holds_for(self) -> str:
        """Which strangers the expected FPIR is true of, one phrase; its interval is chance only."""
        if "unlabelled queries" in self.evidence:
            return "strangers like these queries, whose likeness to the catalog thins out as theirs"
        if self.evidence.keys() & {"strangers", "labelled queries"}:
            return "strangers like the pictures given"
        return (
            "strangers that resemble the catalog as its own pictures resemble each other; others "
            "may fare otherwise, so give queries"
        )

    def outgrown(self, classes: int) -> bool:
        """Whether the gallery has grown past what this calibration supports."""
        return classes >= OUTGROWN * max(1, self.classes)

    def describe(self, target_fpir: float, classes: int) -> str:
        """One phrase for a decision to cite."""
        cited = (
            f"{self.method}; {self.strangers} strangers, {self.classes} classes, "
            f"target FPIR {target_fpir:g}"
        )
        if not self.automatic and self.outgrown(classes):
            return f"{cited}; outgrown by now {classes} classes, calibrate again"
        if self.classes and classes != self.classes:  # it is older than the gallery
            cited += f"; {classes} by now"
        return cited

    def to_bytes(self) -> bytes:
        """Read back by `from_bytes`: a JSON line, then the scores as little-endian float64."""
        header: dict[str, Any] = {
            "form": FORM,
            "method": self.method,
            "strangers": self.strangers,
            "classes": self.classes,
            "generation": self.generation,
            "created_at": self.created_at.isoformat(),
            "automatic": self.automatic,
            "evidence": dict(self.evidence),
            "seen": sorted(self.seen),
            "upper_bound": self.upper_bound,
        }
        sizes = {"stranger_scores": self.stranger_scores.size}
        scores = np.concatenate([self.stranger_scores, self.genuine_scores])
        return json.dumps(header | sizes).encode() + b"\n" + scores.astype("<f8").tobytes()

    @classmethod
    def from_bytes(cls, payload: bytes) -> Calibration:
        """Read what `to_bytes` wrote; scores of another form than today's say nothing any more."""
        line, _, rest = payload.partition(b"\n")
        header = json.loads(line)
        if header.pop("form", None) != FORM:
            return cls.empty("made by another version, calibrate again")
        scores = np.frombuffer(rest, "<f8")
        size = header.pop("stranger_scores")
        created_at = datetime.fromisoformat(header.pop("created_at"))
        return cls(
            seen=frozenset(header.pop("seen", ())),
            stranger_scores=scores[:size],
            genuine_scores=scores[size:],
            created_at=created_at,
            **header,
        )

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
