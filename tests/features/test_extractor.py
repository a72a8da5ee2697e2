"""One picture -> everything that is compared later."""

from __future__ import annotations

import hashlib
import io

import numpy as np
import pytest
from PIL import Image

from engine.errors import ImageError
from engine.features import Embedder, FeatureExtractor, embeddings_of
from engine.images import ImageLimits
from engine.testing.fake_backbone import FakeBackbone
from engine.types import ByteArray, KeepPictures

RED = [1, -1, -1, 0.1]
"""A quarter of the fake backbone's features of a red picture, see there."""


@pytest.fixture
def extractor() -> FeatureExtractor:
    return FeatureExtractor(Embedder(FakeBackbone(), 2))


def encoded(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def test_the_features_of_a_query(extractor: FeatureExtractor) -> None:
    data = encoded(Image.new("RGB", (40, 30), "red"))
    [found] = extractor.features([extractor.prepare_query(data)])
    expected = np.array(RED * 4) / np.linalg.norm(RED * 4)
    np.testing.assert_allclose(found.embedding, expected, atol=1e-6)
    assert found.space_id == FakeBackbone().space.id
    facts = found.facts
    assert (facts.width, facts.height) == (40, 30)
    assert facts.content_hash == hashlib.sha256(data).hexdigest()
    assert (facts.warnings, facts.picture) == ((), None)


def test_a_backbone_that_prepares_pictures_in_a_way_of_its_own_is_asked() -> None:
    class Upside(FakeBackbone):
        def prepare(self, image: Image.Image) -> ByteArray:
            return super().prepare(image.rotate(180))

    picture = Image.new("RGB", (40, 40), "red")
    picture.paste("blue", (0, 0, 40, 20))
    asked, turned = FeatureExtractor(Embedder(Upside())), picture.rotate(180)
    [expected] = Embedder(FakeBackbone()).embed([turned])
    query, example = asked.prepare_query(picture), asked.prepare_example(picture, KeepPictures.NONE)
    for found in asked.features([query, example]):
        np.testing.assert_array_equal(found.embedding, expected)


def test_an_example_carries_its_warnings_and_the_copy_to_keep(extractor: FeatureExtractor) -> None:
    data = encoded(Image.new("RGB", (1000, 20), "red"))
    original = extractor.prepare_example(data, KeepPictures.ORIGINAL).facts
    assert original.picture == data
    assert "blank" in original.warnings[0]
    assert extractor.prepare_example(data, KeepPictures.NONE).facts.picture is None
    bounded = extractor.prepare_example(data, KeepPictures.BOUNDED).facts.picture
    assert bounded is not None
    with Image.open(io.BytesIO(bounded)) as picture:
        assert picture.size == (512, 10)


def test_what_a_gallery_enrolls(extractor: FeatureExtractor) -> None:
    picture = Image.new("RGB", (8, 8), "red")
    [found] = extractor.features([extractor.prepare_example(picture, KeepPictures.NONE)])
    example = found.example("thing", "a.png", attributes={"price": 3}, origin="here")
    assert (example.label, example.source, example.origin) == ("thing", "a.png", "here")
    assert example.attributes == {"price": 3}
    assert example.vector is found.embedding
    assert example.space_id == found.space_id
    assert (example.width, example.height) == (8, 8)


def test_embeddings_of_more_pictures_than_a_batch(extractor: FeatureExtractor) -> None:
    colours = ["red", "green", "blue", "white", "black"]
    pictures = [Image.new("RGB", (4, 4), colour) for colour in colours]
    rows = extractor.embed(pictures)
    assert rows.shape == (5, 16)
    for picture, row in zip(pictures, rows, strict=True):
        np.testing.assert_array_equal(extractor.embed([picture])[0], row)
    assert extractor.embed([]).shape == (0, 16)
    assert embeddings_of([], 3).shape == (0, 3)


def test_limits_are_kept() -> None:
    small = FeatureExtractor(Embedder(FakeBackbone()), ImageLimits(max_pixels=99))
    for refused in (small.prepare_query, lambda p: small.prepare_example(p, KeepPictures.NONE)):
        with pytest.raises(ImageError, match="limit of 99"):
            refused(Image.new("RGB", (10, 10)))
