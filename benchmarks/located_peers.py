"""What people write instead of local features in a gallery: search by matched points, by hand.

Each takes the enrolled pictures' grey views and answers with the row that a query's view is most
like; none says whether that is right.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import faiss
import numpy as np

from engine.local.sift import root_descriptors
from engine.types import ByteArray, FloatArray, IntArray

RATIO = 0.75
SIFT_POINTS, ORB_POINTS, QUERY_POINTS = 500, 500, 1200
LISTS, PROBES = 1024, 8


class BruteForce:
    """OpenCV's tutorial: SIFT, `BFMatcher.knnMatch` with every picture, the ratio test, a count."""

    name = "OpenCV SIFT, BFMatcher with each picture"

    def __init__(self, views: Sequence[ByteArray]) -> None:
        self._sift = cv2.SIFT.create(nfeatures=SIFT_POINTS)
        self._asked = cv2.SIFT.create(nfeatures=QUERY_POINTS)
        self._matcher = cv2.BFMatcher(cv2.NORM_L2)
        self._enrolled = [_described(self._sift, view) for view in views]

    def find(self, view: ByteArray) -> int:
        return _most(self._matcher, _described(self._asked, view), self._enrolled)


class OrbMatcher:
    """The quick form of it: ORB's binary descriptors, by Hamming distance."""

    name = "OpenCV ORB, BFMatcher with each picture"

    def __init__(self, views: Sequence[ByteArray]) -> None:
        self._orb = cv2.ORB.create(nfeatures=ORB_POINTS)
        self._matcher = cv2.BFMatcher(cv2.NORM_HAMMING)
        self._enrolled = [_described(self._orb, view) for view in views]

    def find(self, view: ByteArray) -> int:
        return _most(self._matcher, _described(self._orb, view), self._enrolled)


class FaissVote:
    """RootSIFT in `IndexIVFFlat`; each of a query's points votes for its nearest one's picture."""

    name = "SIFT, FAISS inverted lists, a vote"

    def __init__(self, views: Sequence[ByteArray]) -> None:
        sift = cv2.SIFT.create(nfeatures=SIFT_POINTS)
        self._asked = cv2.SIFT.create(nfeatures=QUERY_POINTS)
        found = [_rooted(_described(sift, view)) for view in views]
        self._owner: IntArray = np.repeat(np.arange(len(found)), [len(each) for each in found])
        rows = np.concatenate(found)
        self._index = faiss.IndexIVFFlat(faiss.IndexFlatL2(rows.shape[1]), rows.shape[1], LISTS)
        self._index.train(rows[:: max(1, len(rows) // (40 * LISTS))])
        self._index.add(rows)
        self._index.nprobe = PROBES

    def find(self, view: ByteArray) -> int:
        rows = _rooted(_described(self._asked, view))
        if not len(rows):
            return -1
        nearest = self._index.search(rows, 1)[1][:, 0]
        return int(np.bincount(self._owner[nearest[nearest >= 0]]).argmax())


PointPeer = FaissVote | BruteForce | OrbMatcher
PEERS: tuple[type[PointPeer], ...] = (FaissVote, BruteForce, OrbMatcher)


def _described(detector: cv2.Feature2D, view: ByteArray) -> np.ndarray:
    _, rows = detector.detectAndCompute(view, None)
    return np.empty((0, detector.descriptorSize()), np.uint8) if rows is None else rows


def _rooted(rows: np.ndarray) -> FloatArray:
    return np.asarray(root_descriptors(rows.astype(np.float32)), np.float32)


def _most(matcher: cv2.BFMatcher, query: np.ndarray, enrolled: Sequence[np.ndarray]) -> int:
    counts = [0] * len(enrolled)
    for row, rows in enumerate(enrolled):
        if len(rows) > 1 and len(query):
            pairs = matcher.knnMatch(query, rows, k=2)
            counts[row] = sum(a.distance < RATIO * b.distance for a, b in pairs)
    return int(np.argmax(counts))
