"""From the scores of strangers to a threshold that holds a target FPIR.

Whatever the evidence, a calibration comes down to *stranger scores*: the normalised scores that
pictures of no enrolled class reach with the class nearest to them. They give one falling curve
(`engine.decision.strangers`), which is read both ways: the level is the score that the target share
of strangers reaches, and a score's *stranger rate* is the share that reaches it. So the stranger
rate is the target exactly at the threshold.

A gallery that has grown from N₀ classes to N offers a stranger N / N₀ times as many chances. Taking
them as independent, a share p of the curve becomes `1 − (1 − p)^(N / N₀)`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import CalibrationError
from .intervals import wilson_interval
from .scores import FORM, Float64Array
from .strangers import PRIOR_WITNESSES, StrangerCurve

_LEAST_STRANGERS = 10
_LEAST_SHARE = 1e-12
_EXTRAPOLATED = 10
"""How far beyond the strangers seen the tail is trusted: to a tenth of one in so many."""

_FINGERPRINT = 16

OUTGROWN = 2.0
"""A gallery with so many times the classes of its calibration should be calibrated again."""


def fingerprint(content_hash: str) -> str:
    """What is remembered of a picture that something was learned from: the head of its hash."""
    return content_hash[:_FINGERPRINT]


@dataclass(frozen=True, eq=False)
class Calibration:
    """What the thresholds of a gallery rest on, in one searched space.

    Attributes:
        method: how the stranger scores were come by, one phrase.
        samples: `(n,) float64` each, ascending: normalised scores that strangers reached, one
            sample for each domain that they came from.
        weights: what each of the samples counts for; none where all count the same.
        genuine_scores: `(m,) float64`, ascending: those of queries whose own class came first;
            `-inf` for queries whose own class didn't. Empty where nothing is known of them.
        witnesses: how many independent strangers stand behind the samples: classes that were left
            out to play them, or pictures given. What strangers reach elsewhere counts beside them,
            the less the more they are. None for nothing beside them.
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
    samples: tuple[Float64Array, ...]
    genuine_scores: Float64Array
    strangers: int
    classes: int
    generation: int
    created_at: datetime
    automatic: bool
    evidence: Mapping[str, int] = field(default_factory=dict)
    seen: frozenset[str] = frozenset()
    witnesses: int | None = None
    weights: tuple[float, ...] = ()

    @classmethod
    def of_strangers(
        cls,
        *samples: Float64Array,
        method: str,
        classes: int,
        generation: int,
        genuine: Float64Array | None = None,
        strangers: int | None = None,
        automatic: bool = True,
        evidence: Mapping[str, int] | None = None,
        witnesses: int | None = None,
        weights: tuple[float, ...] = (),
    ) -> Calibration:
        """A calibration from the normalised scores that strangers reached, in any order."""
        return cls(
            method=method,
            samples=tuple(np.sort(sample) for sample in samples),
            genuine_scores=np.sort(genuine) if genuine is not None else np.empty(0),
            strangers=sum(map(len, samples)) if strangers is None else strangers,
            classes=classes,
            generation=generation,
            created_at=datetime.now(UTC),
            automatic=automatic,
            evidence=evidence or {},
            witnesses=witnesses,
            weights=weights,
        )

    @classmethod
    def empty(cls, method: str = "no strangers known") -> Calibration:
        """What holds before anything is known of this gallery: what strangers reach elsewhere."""
        return cls.of_strangers(method=method, classes=0, generation=0)

    @property
    def stranger_scores(self) -> Float64Array:
        """`(n,)`, ascending: all samples together."""
        return np.sort(np.concatenate([np.empty(0), *self.samples]))

    @cached_property
    def curve(self) -> StrangerCurve:
        """What share of strangers scores how high."""
        prior = 0.0
        if self.witnesses is not None:
            prior = PRIOR_WITNESSES / (PRIOR_WITNESSES + self.witnesses)
        return StrangerCurve(self.samples, self.weights, prior_share=prior, classes=self.classes)

    def level(self, target_fpir: float, classes: int) -> float:
        """The least normalised score that is accepted, in a gallery of that many classes.

        Args:
            target_fpir: the share of strangers that may get a label, in (0, 1).
        """
        accepted = -math.expm1(math.log1p(-target_fpir) / self._growth(classes))
        return self.curve.score(max(accepted, _LEAST_SHARE))

    def stranger_rate(self, score: float, classes: int) -> float:
        """The share of strangers that reach a normalised score, in (0, 1].

        It is `target_fpir` at `level(target_fpir, classes)`, and falls with the score.
        """
        share = min(self.curve.share(score), 1 - 1e-12)
        return -math.expm1(math.log1p(-share) * self._growth(classes))

    def rate_interval(self, rate: float) -> tuple[float, float] | None:
        """The 95 % interval of a stranger rate (Wilson), for chance; None without strangers."""
        return wilson_interval(rate, self._effective)

    @cached_property
    def _effective(self) -> int:
        """So many strangers of one domain would tell as much."""
        weights = self.weights or (1.0,) * len(self.samples)
        counted = [(s.size, w) for s, w in zip(self.samples, weights, strict=True) if s.size]
        if not counted:
            return 0
        pictures = sum(size for size, _ in counted)
        share = min(1.0, self.strangers / pictures)  # a picture may have more scores than one
        total = sum(weight for _, weight in counted)
        return round(share * total**2 / sum(weight**2 / size for size, weight in counted))

    def _growth(self, classes: int) -> float:
        return max(1.0, classes / self.classes) if self.classes else 1.0

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
            return "strangers like these queries, or like the catalog's pictures and photographs"
        if self.evidence.keys() & {"strangers", "labelled queries"}:
            return "strangers like the pictures given"
        if "synthetic photographs" in self.evidence:
            return (
                "strangers that look like the catalog's pictures or like photographs of such "
                "things; others may fare otherwise, so give queries"
            )
        return (
            "strangers that resemble the catalog as its own pictures resemble each other; others "
            "may fare otherwise, so give queries"
        )

    @property
    def genuine_are(self) -> str | None:
        """Which queries the expected TPIR is that of, one phrase; None where nothing is known."""
        if not self.genuine_scores.size:
            return None
        if "labelled queries" in self.evidence:
            return "queries like those given"
        return "synthetic photographs of enrolled pictures"

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
            "left_out": self.witnesses,
            "weights": list(self.weights),
        }
        sizes = {"samples": [sample.size for sample in self.samples]}
        scores = np.concatenate([*self.samples, self.genuine_scores])
        return json.dumps(header | sizes).encode() + b"\n" + scores.astype("<f8").tobytes()

    @classmethod
    def from_bytes(cls, payload: bytes) -> Calibration:
        """Read what `to_bytes` wrote; scores of another form than today's say nothing any more."""
        line, _, rest = payload.partition(b"\n")
        header = json.loads(line)
        if header.pop("form", None) != FORM:
            return cls.empty("made by another version, calibrate again")
        *samples, genuine = np.split(
            np.frombuffer(rest, "<f8"), np.cumsum(header.pop("samples"), dtype=np.int64)
        )
        created_at = datetime.fromisoformat(header.pop("created_at"))
        return cls(
            seen=frozenset(header.pop("seen", ())),
            samples=tuple(samples),
            witnesses=header.pop("left_out", None),
            weights=tuple(header.pop("weights", ())),
            genuine_scores=genuine,
            created_at=created_at,
            **header,
        )
