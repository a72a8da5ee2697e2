"""Where queries sit: running sums of embeddings, in which a thing asked often counts once.

No picture and no single embedding is kept: only sums, and of the last `REMEMBERED` queries the
signs of 128 random projections (Charikar 2002), by which near-duplicates are known. A query is
counted if its signs differ in more than `NEAR` places from those of every one remembered; two
embeddings of a cosine of 0.9 differ in 18 places on average, of 0.5 in 43.

Since a calibration the first `SETTLED` queries stand for what it knows, and those that came after
them, in a window of some twice as many, for what is asked now.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ..decision.scores import Float64Array
from ..types import ByteArray, FloatArray

SETTLED = 100
REMEMBERED = 4096
NEAR = 20

FAR = 0.3
"""So far apart, in units of the catalog's spread, are means that tell of other pictures: as far as
queries sit from catalogs on most kinds of pictures (0.2 to 0.7 on 12 of 13, measured)."""

_BITS = 128
_SEED = 11
_CHANCES = 3.0


@dataclass(frozen=True, slots=True)
class QueryDrift:
    """How far queries sit from the catalog; distances are in units of the catalog's spread.

    Attributes:
        queries: how many different ones were counted.
        distance: between the means of queries and catalog.
        by_chance: what that would be if queries were catalog pictures.
        moved: between the mean of late queries and that of those which came first after the
            calibration; None while there are too few of either.
        alarm: whether queries have left what the calibration knows.
    """

    queries: int
    distance: float
    by_chance: float
    moved: float | None
    alarm: bool

    def __str__(self) -> str:
        told = (
            f"{self.queries:,} different queries sit {self.distance:.2f} of the catalog's spread "
            f"away from it (chance alone: {self.by_chance:.2f})"
        )
        if self.moved is not None:
            told += f"; {self.moved:.2f} from those that came first after the calibration"
        return told

    @property
    def warning(self) -> str | None:
        """What to do about it; None where nothing is to be done."""
        if not self.alarm:
            return None
        return (
            "queries have left what the calibration knows: those of late sit "
            f"{self.moved:.2f} of the catalog's spread from the first after it; calibrate again, "
            "with --queries where there are pictures as they are asked now"
        )


@dataclass(frozen=True, eq=False)
class QuerySums:
    """Running sums of one space.

    Attributes:
        since: of which calibration, as text.
        count, total: of all different queries: how many, and their sum, `(dim,) float64`.
        first_count, first: of the first since that calibration.
        late_count, late: of those after them; halved now and then.
        signs: `(n, 16) uint8`: those of the last queries counted, packed.
    """

    since: str
    total: Float64Array
    first: Float64Array
    late: Float64Array
    count: int = 0
    first_count: int = 0
    late_count: int = 0
    signs: ByteArray = field(default_factory=lambda: np.empty((0, _BITS // 8), np.uint8))

    @classmethod
    def empty(cls, dimension: int, since: str) -> QuerySums:
        nothing = np.zeros(dimension)
        return cls(since, nothing, nothing, nothing)

    def with_queries(self, queries: FloatArray, since: str) -> QuerySums:
        """The sums with more queries, `(m, dim) float32`, unit rows, asked since a calibration."""
        sums = self if since == self.since else self._calibrated(since)
        fresh, signs = _different(queries, sums.signs)
        settling = max(0, SETTLED - sums.first_count)
        first, late = fresh[:settling].astype(np.float64), fresh[settling:].astype(np.float64)
        sums = replace(
            sums,
            count=sums.count + len(fresh),
            total=sums.total + fresh.sum(axis=0, dtype=np.float64),
            first_count=sums.first_count + len(first),
            first=sums.first + first.sum(axis=0),
            late_count=sums.late_count + len(late),
            late=sums.late + late.sum(axis=0),
            signs=signs,
        )
        while sums.late_count > 2 * SETTLED:
            sums = replace(sums, late_count=sums.late_count // 2, late=_halved(sums))
        return sums

    def drift(self, mean: FloatArray, spread: float, pictures: int) -> QueryDrift | None:
        """How far they sit from a catalog; None where no query was counted.

        Args:
            mean: `(dim,) float32`, of so many pictures.
            spread: the root of their mean squared distance to it.
        """
        if not self.count or not pictures or spread <= 0:
            return None
        distance = float(np.linalg.norm(self.total / self.count - mean)) / spread
        moved, alarm = None, False
        if self.first_count >= SETTLED and self.late_count >= SETTLED:
            apart = self.late / self.late_count - self.first / self.first_count
            moved = float(np.linalg.norm(apart)) / spread
            alarm = moved > max(FAR, _CHANCES * _chance(self.first_count, self.late_count))
        return QueryDrift(self.count, distance, _chance(self.count, pictures), moved, alarm)

    def to_bytes(self) -> bytes:
        """An `.npz`, read back by `from_bytes`."""
        buffer = io.BytesIO()
        np.savez(
            buffer,
            since=np.array(self.since),
            counts=np.array([self.count, self.first_count, self.late_count]),
            sums=np.stack([self.total, self.first, self.late]),
            signs=self.signs,
        )
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, payload: bytes) -> QuerySums:
        with np.load(io.BytesIO(payload), allow_pickle=False) as arrays:
            total, first, late = arrays["sums"]
            count, first_count, late_count = arrays["counts"].tolist()
            return cls(
                str(arrays["since"]),
                total,
                first,
                late,
                count,
                first_count,
                late_count,
                arrays["signs"],
            )

    def _calibrated(self, since: str) -> QuerySums:
        """What was asked of late is what a new calibration knows."""
        nothing, known = np.zeros_like(self.total), self.late_count >= SETTLED
        return replace(
            self,
            since=since,
            first_count=self.late_count if known else 0,
            first=self.late if known else nothing,
            late_count=0,
            late=nothing,
        )


def _halved(sums: QuerySums) -> Float64Array:
    share = (sums.late_count // 2) / sums.late_count
    halved: Float64Array = sums.late * share
    return halved


def _chance(first: int, other: int) -> float:
    """How far apart, in units of their spread, the means of so many alike are."""
    return float(np.sqrt(1 / first + 1 / other))


def _different(queries: FloatArray, known: ByteArray) -> tuple[FloatArray, ByteArray]:
    """The queries that are near to none before them, and the signs that are remembered then."""
    bits = queries @ _projections(queries.shape[1]) > 0
    signed = _signed(np.unpackbits(known, axis=1).astype(np.bool_))
    kept: list[int] = []
    for row, each in enumerate(_signed(bits)):
        places = (_BITS - signed @ each) / 2
        if not (places <= NEAR).any():
            kept.append(row)
            signed = np.concatenate([signed, each[None]])
    packed = np.packbits(bits[kept], axis=1)
    return queries[kept], np.concatenate([known, packed])[-REMEMBERED:]


def _signed(bits: npt.NDArray[np.bool_]) -> FloatArray:
    return np.where(bits, np.float32(1), np.float32(-1)).reshape(-1, _BITS)


@lru_cache(maxsize=2)
def _projections(dimension: int) -> FloatArray:
    """`(dim, 128) float32`: the same in every process."""
    drawn = np.random.default_rng([_SEED, dimension]).standard_normal((dimension, _BITS))
    return drawn.astype(np.float32)
