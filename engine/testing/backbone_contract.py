"""What every `Backbone` must do. Subclass `BackboneContract` in a test module that has a fixture
`backbone`; pytest then runs the whole contract over it."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from ..backbones import Backbone
from ..errors import BackboneError, TextError
from ..types import ByteArray, FloatArray
from .pictures import noise


def _pictures() -> list[Image.Image]:
    """Five pictures of unlike sizes and proportions."""
    sizes = [(64, 48), (300, 200), (200, 300), (500, 40), (1, 900)]
    return [noise(*size, seed) for seed, size in enumerate(sizes)]


def _assert_same(features: FloatArray, expected: FloatArray) -> None:
    """Equal up to float32's rounding, measured by the features' length."""
    difference = np.linalg.norm(features - expected, axis=1)
    assert (difference <= 1e-4 * np.linalg.norm(expected, axis=1)).all()


class BackboneContract:
    """The contract of `engine.backbones.base`, as tests."""

    @pytest.fixture
    def batch(self, backbone: Backbone) -> ByteArray:
        return np.stack([backbone.prepare(picture) for picture in _pictures()])

    def test_it_says_what_it_is(self, backbone: Backbone) -> None:
        assert backbone.name == backbone.space.backbone
        assert backbone.device
        assert backbone.runtime
        assert backbone.space.preprocessing_hash == backbone.preprocessing.hash
        assert len(bytes.fromhex(backbone.space.weights_hash)) == 32

    def test_prepared_pictures_are_square_bytes(self, backbone: Backbone, batch: ByteArray) -> None:
        side = backbone.preprocessing.image_size
        assert batch.shape == (5, side, side, 3)
        assert batch.dtype == np.uint8

    def test_features_have_the_promised_shape_and_type(
        self, backbone: Backbone, batch: ByteArray
    ) -> None:
        features = backbone.features(batch)
        assert features.shape == (5, backbone.space.dimension)
        assert features.dtype == np.float32
        assert np.isfinite(features).all()

    def test_a_text_has_features_or_is_refused(self, backbone: Backbone) -> None:
        assert backbone.knows_texts == backbone.name.startswith("open_clip:")
        if not backbone.knows_texts:
            with pytest.raises(TextError, match=f"^{re.escape(backbone.name)} knows pictures only"):
                backbone.text_features(["a cup"])
            return
        features = backbone.text_features(["a cup", "a mug", "a cup"])
        assert features.shape == (3, backbone.space.dimension)
        assert features.dtype == np.float32
        _assert_same(features[2:], features[:1])
        assert not np.allclose(features[0], features[1])
        assert backbone.text_features([]).shape == (0, backbone.space.dimension)

    def test_unlike_pictures_have_unlike_features(
        self, backbone: Backbone, batch: ByteArray
    ) -> None:
        features = backbone.features(batch)
        assert len(np.unique(features, axis=0)) == len(batch)

    def test_a_picture_alone_has_the_features_it_has_in_a_batch(
        self, backbone: Backbone, batch: ByteArray
    ) -> None:
        alone = np.concatenate([backbone.features(batch[row : row + 1]) for row in range(5)])
        _assert_same(alone, backbone.features(batch))

    def test_the_same_batch_has_the_same_features_again(
        self, backbone: Backbone, batch: ByteArray
    ) -> None:
        _assert_same(backbone.features(batch), backbone.features(batch))

    def test_a_batch_is_neither_changed_nor_kept(
        self, backbone: Backbone, batch: ByteArray
    ) -> None:
        given = batch.copy()
        features = backbone.features(given)
        np.testing.assert_array_equal(given, batch)
        kept = features.copy()
        given[:] = 0
        np.testing.assert_array_equal(features, kept)

    def test_a_batch_may_be_read_only_or_a_view(self, backbone: Backbone, batch: ByteArray) -> None:
        expected = backbone.features(batch)
        frozen = batch.copy()
        frozen.flags.writeable = False
        _assert_same(backbone.features(frozen), expected)
        _assert_same(backbone.features(batch[::-1]), expected[::-1])

    def test_an_empty_batch_gives_no_features(self, backbone: Backbone, batch: ByteArray) -> None:
        features = backbone.features(batch[:0])
        assert features.shape == (0, backbone.space.dimension)
        assert features.dtype == np.float32

    def test_other_shapes_and_types_are_refused(self, backbone: Backbone, batch: ByteArray) -> None:
        for wrong in (batch[0], batch[:, :-1], batch[..., :2], batch.astype(np.float32)):
            with pytest.raises(BackboneError, match="expected prepared pictures of shape"):
                backbone.features(wrong)  # type: ignore[arg-type]

    def test_several_threads_may_use_it_at_once(self, backbone: Backbone, batch: ByteArray) -> None:
        expected = backbone.features(batch)
        rows = list(range(5)) * 4

        def features(row: int) -> FloatArray:
            prepared = backbone.prepare(_pictures()[row])
            row_features: FloatArray = backbone.features(prepared[np.newaxis])[0]
            return row_features

        with ThreadPoolExecutor(4) as pool:
            together = np.stack(list(pool.map(features, rows)))
        _assert_same(together, expected[rows])
