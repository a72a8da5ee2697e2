"""What is stored of local features comes back to within what its form promises."""

import numpy as np
import pytest

from engine.local import MOST_POINTS, CodedFeatures, LocalFeatures
from engine.local.base import as_unit_rows
from engine.local.coding import codebook, decode, encode, words_of
from engine.local.sift import RootSift
from engine.testing.pictures import poster


@pytest.fixture(scope="module")
def features() -> LocalFeatures:
    return RootSift().extract(poster(500, 400), long_side=512, points=400, size=(1500, 1200))


def test_places_sizes_and_angles_come_back_nearly(features: LocalFeatures) -> None:
    coded = CodedFeatures.of(features)
    again = CodedFeatures.from_bytes(coded.to_bytes())
    assert (again.width, again.height) == (1500, 1200)
    off = np.abs(again.keypoints - features.keypoints)
    assert off[:, :2].max() < 0.02  # pixels: half of 1500 / 65535 and rounding
    assert np.abs(np.log2(again.keypoints[:, 2] / features.keypoints[:, 2])).max() <= 1 / 32 + 1e-4
    assert np.minimum(off[:, 3], 360 - off[:, 3]).max() <= 360 / 512 + 1e-3
    np.testing.assert_array_equal(again.codes, coded.codes)
    np.testing.assert_array_equal(again.words, coded.words)


def test_decoded_descriptors_are_near_what_was_coded(features: LocalFeatures) -> None:
    rows = as_unit_rows(features.descriptors)
    decoded = decode(encode(features.descriptors))
    np.testing.assert_allclose(np.linalg.norm(decoded, axis=1), 1, atol=1e-5)
    assert np.einsum("ij,ij->i", rows, decoded).mean() > 0.985


def test_codes_and_words_name_nearest_centroids(features: LocalFeatures) -> None:
    rows = features.descriptors.astype(np.float32)
    words = words_of(features.descriptors)
    halves = np.stack([words & 255, words >> 8], axis=1)
    for numbers, centroids in (
        (encode(features.descriptors), codebook().centroids),
        (halves, codebook().halves),
    ):
        pieces, _, width = centroids.shape
        for piece in range(pieces):
            part = rows[:, piece * width : (piece + 1) * width]
            apart = ((part[:, None] - centroids[piece]) ** 2).sum(axis=2)
            taken = apart[np.arange(len(rows)), numbers[:, piece]]
            np.testing.assert_allclose(taken, apart.min(axis=1), rtol=1e-4, atol=0.5)


def test_the_most_points_take_less_than_forty_thousand_bytes() -> None:
    random = np.random.default_rng(0)
    many = LocalFeatures(
        512,
        512,
        random.uniform(1, 500, (MOST_POINTS, 4)).astype(np.float32),
        random.integers(0, 100, (MOST_POINTS, 128), np.uint8),
    )
    assert len(CodedFeatures.of(many).to_bytes()) <= 40_000


def test_none_come_back_as_none() -> None:
    empty = CodedFeatures.of(LocalFeatures.none(30, 20))
    again = CodedFeatures.from_bytes(empty.to_bytes())
    assert (len(again), again.width, again.height) == (0, 30, 20)


@pytest.mark.parametrize("stored", [b"", b"1234567", bytes(8 + 41)])
def test_bytes_of_another_length_are_refused(stored: bytes) -> None:
    with pytest.raises(ValueError, match="for each point of local features"):
        CodedFeatures.from_bytes(stored)
