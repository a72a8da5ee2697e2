"""Preprocessing, against the transforms of the libraries that the weights come from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import skimage.data
import timm
import timm.data
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image

from engine.backbones import Preprocessing
from engine.backbones.preprocessing import decode_side
from engine.testing.pictures import noise
from engine.types import ByteArray

LITE0 = Preprocessing(image_size=224, resize=256)
PHOTOGRAPHS = ["astronaut", "coffee", "chelsea", "rocket"]


def photographs() -> list[Image.Image]:
    pictures = [Image.fromarray(getattr(skimage.data, name)()) for name in PHOTOGRAPHS]
    return [*pictures, pictures[1].transpose(Image.Transpose.ROTATE_90), noise(100, 37)]


def assert_nearly_equal(pixels: ByteArray, reference: ByteArray) -> None:
    """Equal but for rounding: Pillow rounds between its passes over rows and columns, and which it
    does first depends on how much of the picture is kept.
    """
    difference = np.abs(pixels.astype(int) - reference.astype(int))
    assert (difference <= 1).mean() > 0.999
    assert difference.mean() < 0.25


def timm_pixels(picture: Image.Image, **config: object) -> ByteArray:
    transform = timm.data.create_transform(is_training=False, **config)
    transform.transforms = transform.transforms[:-2]  # up to where it makes and scales a tensor
    return np.asarray(transform(picture))


@pytest.mark.parametrize("variant", ["0", "1", "2"])
def test_efficientnet_lites_pictures_are_prepared_as_timm_does(variant: str) -> None:
    config = timm.data.resolve_model_data_config(
        timm.create_model(f"tf_efficientnet_lite{variant}")
    )
    size = config["input_size"][1]
    preprocessing = Preprocessing(image_size=size, resize=size + 32)
    for picture in photographs():
        assert_nearly_equal(preprocessing.prepare(picture), timm_pixels(picture, **config))


def test_squashed_pictures_are_prepared_as_timm_does() -> None:
    config = {"input_size": (3, 96, 96), "crop_pct": 0.9, "crop_mode": "squash"}
    preprocessing = Preprocessing(96, resize=106, fit="squash", interpolation="bilinear")
    for picture in photographs():
        reference = timm_pixels(picture, **config, interpolation="bilinear")
        assert_nearly_equal(preprocessing.prepare(picture), reference)


@pytest.mark.parametrize(("mode", "fit"), [("shortest", "crop"), ("squash", "squash")])
def test_clips_pictures_are_prepared_as_openclip_does(mode: str, fit: str) -> None:
    transform = image_transform_v2(PreprocessCfg(size=64, resize_mode=mode), is_train=False)
    transform.transforms = transform.transforms[:-2]
    preprocessing = Preprocessing(64, resize=64, fit=fit)  # type: ignore[arg-type]
    for picture in photographs():
        reference = np.asarray(transform(picture).convert("RGB"))
        assert_nearly_equal(preprocessing.prepare(picture), reference)


@pytest.mark.parametrize(
    ("size", "box"),
    [((400, 100), (100, 0, 300, 100)), ((90, 360), (0, 90, 90, 270)), ((70, 70), (0, 0, 70, 70))],
)
def test_half_of_the_proportion_is_cropped_and_half_squashed(
    size: tuple[int, int], box: tuple[int, int, int, int]
) -> None:
    """Pillow's own scaling of that box of the picture."""
    picture = noise(*size)
    reference = picture.resize((96, 96), Image.Resampling.BICUBIC, box)
    prepared = Preprocessing(96, resize=96, fit="between").prepare(picture)
    assert_nearly_equal(prepared, np.asarray(reference))


def test_a_margin_is_cropped_from_all_sides_alike() -> None:
    picture = noise(400, 100)
    reference = picture.resize((96, 96), Image.Resampling.BICUBIC, (125, 12.5, 275, 87.5))
    prepared = Preprocessing(96, resize=128, fit="between").prepare(picture)
    assert_nearly_equal(prepared, np.asarray(reference))


@pytest.mark.parametrize("size", [(1, 1), (1, 20_000), (20_000, 1), (257, 5000)])
def test_pictures_of_any_proportions_are_between(size: tuple[int, int]) -> None:
    picture = Image.new("RGB", size, (1, 2, 3))
    prepared = Preprocessing(96, resize=96, fit="between").prepare(picture)
    assert (prepared == np.full((96, 96, 3), (1, 2, 3))).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 20_000), (20_000, 1), (3, 2), (257, 5000)])
def test_pictures_of_any_proportions_are_prepared(size: tuple[int, int]) -> None:
    prepared = LITE0.prepare(Image.new("RGB", size, (10, 200, 30)))
    assert prepared.shape == (224, 224, 3)
    assert (prepared == (10, 200, 30)).all()


def test_the_centre_is_kept() -> None:
    """Stripes of one pixel of a picture that needs no scaling: 16 are cut off at each side."""
    stripes = np.arange(256, dtype=np.uint8)
    array = np.stack([np.tile(stripes, (256, 1))] * 3, axis=2)
    prepared = LITE0.prepare(Image.fromarray(array))
    np.testing.assert_array_equal(prepared[100, :, 0], stripes[16:240])


def test_the_hash_depends_on_every_parameter() -> None:
    others = [
        replace(LITE0, image_size=240),
        replace(LITE0, resize=272),
        replace(LITE0, fit="squash"),
        replace(LITE0, fit="between"),
        replace(LITE0, interpolation="bilinear"),
        replace(LITE0, mean=(0.5, 0.5, 0.4)),
        replace(LITE0, std=(0.5, 0.5, 0.4)),
        replace(LITE0, decode_short_side=1024),
    ]
    assert len({each.hash for each in [LITE0, *others]}) == 9
    assert replace(others[0], image_size=224).hash == LITE0.hash


def test_the_hash_of_the_default_stays_as_it_is() -> None:
    """A change here makes every gallery's embeddings unusable: was it meant?"""
    assert LITE0.hash == "c6cf3c18637c26b1fbaedee567f0407c36cd0c459fdbb5fb6f29c3fbf7829fa2"


def test_decoding_keeps_twice_what_the_network_needs() -> None:
    assert decode_side(256) == 512
    assert decode_side(224) == 512
    assert decode_side(448) == 896
