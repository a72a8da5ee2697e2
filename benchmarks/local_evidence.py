"""What decides about a kind's pictures besides their embeddings, found once: local features, the
middles of queries, and what is found of one picture in another.

Splits of a kind compare the same pictures over and over. So their features are kept in a file, and
matches in memory; what comes of them is the product's own to say.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np

from engine.features import stored_local_features
from engine.gallery.deciding import joint
from engine.gallery.snapshot.local import VOTERS, LocalTable
from engine.images import LoadedImage
from engine.local import CodedFeatures, LocalFeatures, LocalQuery, QueryView
from engine.settings import AUTO_POINTS
from engine.types import FloatArray, IntArray, LocalMatch, Region, StoredLocalFeatures
from engine.versioned import Overlaid

NOMINATED_OF_ALL = 64

Found = dict[tuple[bytes, bytes], LocalMatch | None]
"""What was found, by the contents of the query's and of the enrolled picture's features."""


class WholeTable:
    """A whole catalog's local features, of which any classes may be a gallery's.

    As under a filter, examples are nominated through the index over all of them; what a query's
    points say is asked once.

    Args:
        features: of the catalog's rows.
    """

    def __init__(self, features: Sequence[StoredLocalFeatures]) -> None:
        self._features = features
        self._all = LocalTable.of(dict(enumerate(features)))
        self._answers: dict[bytes, IntArray] = {}

    def of_rows(self, rows: IntArray) -> LocalTable:
        """The table of a gallery whose examples 1, 2, ... are those rows."""
        return _Rows(self, rows, {i: self._features[row] for i, row in enumerate(rows, 1)})

    def nominated(self, query: LocalQuery) -> IntArray:
        """`(NOMINATED_OF_ALL,) int64`: the rows that a query's points speak for most."""
        asked = _digest(query.features.descriptors)
        if asked not in self._answers:
            self._answers[asked] = self._all.nominated(query, NOMINATED_OF_ALL)
        return self._answers[asked]


class _Rows(LocalTable):
    def __init__(
        self, whole: WholeTable, rows: IntArray, features: Mapping[int, StoredLocalFeatures]
    ) -> None:
        super().__init__(Overlaid({i: each.data for i, each in features.items()}))
        self._catalog, self._ids = whole, {row: i for i, row in enumerate(rows.tolist(), 1)}

    def nominated(self, query: LocalQuery, k: int, voters: int = VOTERS) -> IntArray:  # noqa: ARG002
        rows = self._catalog.nominated(query).tolist()
        return np.array([self._ids[row] for row in rows if row in self._ids][:k], np.int64)


@contextmanager
def remembered(found: Found) -> Iterator[None]:
    """While it lasts, a picture is sought in another only if that isn't known yet."""
    find = joint.find

    def once(query: LocalQuery, enrolled: CodedFeatures) -> LocalMatch | None:
        pair = _digest(query.features.descriptors), _digest(enrolled.codes)
        if pair not in found:
            found[pair] = find(query, enrolled)
        return found[pair]

    with mock.patch.object(joint, "find", once):
        yield


def enrolled_features(pictures: Iterable[LoadedImage], kept: Path) -> list[StoredLocalFeatures]:
    """What a gallery keeps of each picture, or has kept in that file."""
    if not kept.is_file():
        found = [stored_local_features(picture, AUTO_POINTS) for picture in pictures]
        np.savez(
            kept,
            extractor=np.array([each.extractor for each in found]),
            lengths=np.array([len(each.data) for each in found]),
            data=np.frombuffer(b"".join(each.data for each in found), np.uint8),
        )
    with np.load(kept, allow_pickle=False) as file:
        ends = np.cumsum(file["lengths"])[:-1]
        parts = np.split(file["data"], ends)
        return [
            StoredLocalFeatures(str(name), part.tobytes())
            for name, part in zip(file["extractor"], parts, strict=True)
        ]


def kept_views(views: Iterable[QueryView | None], kept: Path) -> list[QueryView]:
    """The views with their points found and their middles embedded, or those kept in that file."""
    if not kept.is_file():
        _write([view for view in views if view is not None], kept)
    with np.load(kept, allow_pickle=False) as file:
        ends = np.cumsum(file["counts"])[:-1]
        parts = zip(
            file["sizes"].tolist(),
            np.split(file["keypoints"], ends),
            np.split(file["descriptors"], ends),
            np.split(file["copies"], np.cumsum(file["lengths"])[:-1]),
            file["middles"],
            strict=True,
        )
        return [
            QueryView.of(
                LocalQuery(LocalFeatures(*size, *points), copy.tobytes() or None), Middle(middle)
            )
            for size, *points, copy, middle in parts
        ]


def _write(views: Sequence[QueryView], kept: Path) -> None:
    points = [view.query().features for view in views]
    copies = [view.query().copy or b"" for view in views]
    np.savez(
        kept,
        sizes=np.array([(each.width, each.height) for each in points]),
        counts=np.array([len(each) for each in points]),
        keypoints=np.concatenate([each.keypoints for each in points]),
        descriptors=np.concatenate([each.descriptors for each in points]),
        copies=np.frombuffer(b"".join(copies), np.uint8),
        lengths=np.array([len(copy) for copy in copies]),
        middles=np.stack([view.closer.embedding() for view in views if view.closer is not None]),
    )


@dataclass(frozen=True)
class Middle:
    """A closer look that was taken already."""

    vector: FloatArray
    box: Region = (0.0, 0.0, 0.0, 0.0)

    def embedding(self) -> FloatArray:
        return self.vector


def _digest(rows: np.ndarray) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(rows), digest_size=16).digest()
