"""What every `LocalExtractor` must do. Subclass `LocalExtractorContract` in a test module and say
how one is made; pytest then runs the whole contract over it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from ..local import CodedFeatures, LocalExtractor, LocalFeatures, LocalQuery, find
from .pictures import poster


class LocalExtractorContract:
    """The contract of `engine.local.base`, as tests."""

    def make_extractor(self) -> LocalExtractor:
        """One of the kind under test."""
        raise NotImplementedError

    @pytest.fixture
    def extractor(self) -> LocalExtractor:
        return self.make_extractor()

    def test_features_have_the_promised_types_and_shapes(self, extractor: LocalExtractor) -> None:
        found = _features(extractor, poster())
        assert found.keypoints.shape == (len(found), 4)
        assert found.keypoints.dtype == np.float32
        assert found.descriptors.shape == (len(found), 128)
        assert found.descriptors.dtype == np.uint8

    def test_no_more_points_are_kept_than_asked_for(self, extractor: LocalExtractor) -> None:
        assert len(_features(extractor, poster(), points=50)) == 50

    def test_a_plain_picture_has_none(self, extractor: LocalExtractor) -> None:
        found = _features(extractor, Image.new("RGB", (200, 100), "white"))
        assert len(found) == 0
        assert (found.width, found.height) == (200, 100)

    @pytest.mark.parametrize("size", [(1, 1), (3, 200), (7, 7)])
    def test_tiny_pictures_do_no_harm(
        self, extractor: LocalExtractor, size: tuple[int, int]
    ) -> None:
        assert len(_features(extractor, Image.new("RGB", size))) == 0

    def test_points_are_told_in_the_pixels_of_the_source(self, extractor: LocalExtractor) -> None:
        picture = poster(400, 300)
        small = _features(extractor, picture)
        large = extractor.extract(picture, long_side=400, points=300, size=(1600, 1200))
        factors = [4, 4, 4, 1]
        np.testing.assert_allclose(large.keypoints, small.keypoints * factors, rtol=1e-5)

    def test_the_view_is_never_larger_than_asked_for(self, extractor: LocalExtractor) -> None:
        picture = poster(800, 600)
        shrunk = picture.resize((400, 300), Image.Resampling.BOX)
        inside = extractor.extract(picture, long_side=400, points=200, size=(400, 300))
        outside = extractor.extract(shrunk, long_side=400, points=200, size=(400, 300))
        assert find(LocalQuery(inside), CodedFeatures.of(outside)) is not None
        assert inside.keypoints[:, 0].max() <= 400

    def test_every_thread_gives_the_same(self, extractor: LocalExtractor) -> None:
        pictures = [poster(300, 200, seed=seed) for seed in range(6)]
        alone = [_features(extractor, picture) for picture in pictures]
        with ThreadPoolExecutor(3) as pool:
            together = list(pool.map(lambda picture: _features(extractor, picture), pictures))
        for one, other in zip(alone, together, strict=True):
            np.testing.assert_array_equal(one.keypoints, other.keypoints)
            np.testing.assert_array_equal(one.descriptors, other.descriptors)

    def test_a_turned_picture_is_found_again(self, extractor: LocalExtractor) -> None:
        picture = poster(400, 300)
        turned = picture.rotate(90, expand=True)  # counterclockwise: its left edge lies below
        found = find(
            LocalQuery(_features(extractor, turned)),
            CodedFeatures.of(_features(extractor, picture)),
        )
        assert found is not None
        np.testing.assert_allclose(found.corners, [[0, 400], [0, 0], [300, 0], [300, 400]], atol=3)


def _features(extractor: LocalExtractor, picture: Image.Image, points: int = 300) -> LocalFeatures:
    return extractor.extract(picture, long_side=400, points=points, size=picture.size)
