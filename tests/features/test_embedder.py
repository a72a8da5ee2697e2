"""Embeddings are checked, of unit length, and the same however they are batched."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from engine.errors import BackboneError, SettingsError
from engine.features import Embedder
from engine.testing.fake_backbone import FakeBackbone
from engine.testing.pictures import noise
from engine.types import ByteArray, FloatArray


class Broken(FakeBackbone):
    """Gives what it is told to, whatever the pictures."""

    def __init__(self, features: FloatArray) -> None:
        super().__init__()
        self._given = features

    def _features(self, batch: ByteArray) -> FloatArray:
        return self._given


def test_an_embedding_is_the_features_divided_by_their_length() -> None:
    """Red gives 1, -1, -1, 0.1 for each quarter, of length 2 √3.01; see `FakeBackbone`."""
    embedding = Embedder(FakeBackbone()).embed([Image.new("RGB", (40, 30), "red")])
    expected = np.tile([1, -1, -1, 0.1], 4) / (2 * np.sqrt(3.01))
    np.testing.assert_allclose(embedding, [expected], atol=1e-6)
    assert embedding.dtype == np.float32


def test_each_quarter_has_its_place() -> None:
    picture = Image.new("RGB", (20, 20))
    picture.paste("white", (10, 10, 20, 20))
    picture.paste("blue", (10, 0, 20, 10))
    features = FakeBackbone().features(FakeBackbone().prepare(picture)[np.newaxis])
    black, blue, white = [-1, -1, -1, 0.1], [-1, -1, 1, 0.1], [1, 1, 1, 0.1]
    np.testing.assert_allclose(features, [black + blue + black + white], atol=1e-6)


@pytest.mark.parametrize("batch_size", [1, 2, 3, 7, 100])
def test_the_batch_size_changes_nothing(batch_size: int) -> None:
    pictures = [noise(9, 7, seed) for seed in range(7)]
    backbone = FakeBackbone()
    expected = Embedder(backbone).embed(pictures)
    embedder = Embedder(backbone, batch_size)
    np.testing.assert_array_equal(embedder.embed(pictures), expected)
    prepared = np.stack([backbone.prepare(picture) for picture in pictures])
    np.testing.assert_array_equal(embedder.embed_prepared(prepared), expected)
    np.testing.assert_allclose(np.linalg.norm(expected, axis=1), 1, atol=1e-6)


class OnCard(FakeBackbone):
    """Plays a backbone on a card, which takes batches from several threads."""

    def __init__(self) -> None:
        super().__init__()
        self.device = "cuda:0"
        self.given: list[int] = []

    def _features(self, batch: ByteArray) -> FloatArray:
        self.given.append(len(batch))
        return super()._features(batch)


def test_a_card_is_given_large_batches_several_at_a_time() -> None:
    backbone = OnCard()
    embedder = Embedder(backbone)
    assert (embedder.batch_size, embedder.bulk_size, embedder.at_once) == (32, 256, 4)
    prepared = [backbone.prepare(noise(3, 3, seed)) for seed in range(600)]
    found = embedder.embed_prepared(prepared)
    assert sorted(backbone.given) == [88, 256, 256]
    np.testing.assert_array_equal(found, Embedder(FakeBackbone()).embed_prepared(prepared))
    assert Embedder(backbone, batch_size=64).bulk_size == 64


def test_pictures_are_read_as_they_are_needed() -> None:
    sizes: list[int] = []

    class Counting(FakeBackbone):
        def _features(self, batch: ByteArray) -> FloatArray:
            sizes.append(len(batch))
            return super()._features(batch)

    read = 0

    def pictures() -> Iterator[Image.Image]:
        nonlocal read
        for seed in range(7):
            assert read - sum(sizes) < 3  # no more than one batch ahead
            read += 1
            yield noise(4, 4, seed)

    Embedder(Counting(), batch_size=3).embed(pictures())
    assert sizes == [3, 3, 1]


def test_no_pictures_give_no_embeddings() -> None:
    embedder = Embedder(FakeBackbone())
    for nothing in (embedder.embed([]), embedder.embed_prepared(np.empty((0, 2, 2, 3), np.uint8))):
        assert nothing.shape == (0, 16)
        assert nothing.dtype == np.float32


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 0.0])
def test_features_that_cannot_be_normalised_are_refused(wrong: float) -> None:
    features = np.ones((3, 16), np.float32)
    features[1] = wrong
    with pytest.raises(BackboneError, match="picture 2 of a batch of 3"):
        Embedder(Broken(features)).embed([noise(4, 4)] * 3)


def test_features_too_large_to_square_in_float32_are_normalised() -> None:
    features = np.full((1, 16), 1e30, np.float32)
    embedding = Embedder(Broken(features)).embed([noise(4, 4)])
    np.testing.assert_allclose(embedding, np.full((1, 16), 0.25), atol=1e-6)


@pytest.mark.parametrize("shape", [(3, 15), (2, 16), (16,)])
def test_features_of_the_wrong_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(BackboneError, match=r"expected features of shape \(3, 16\) but got"):
        Embedder(Broken(np.ones(shape, np.float32))).embed([noise(4, 4)] * 3)


def test_a_batch_size_below_one_is_refused() -> None:
    with pytest.raises(SettingsError, match="batch size of at least 1"):
        Embedder(FakeBackbone(), batch_size=0)


def test_its_space_is_the_backbones() -> None:
    assert Embedder(FakeBackbone()).space == FakeBackbone().space
