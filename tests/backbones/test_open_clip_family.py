"""`open_clip:MODEL/TAG`, with a tiny model whose checkpoints the tests write."""

from __future__ import annotations

import logging
from pathlib import Path

import huggingface_hub.constants
import numpy as np
import open_clip
import pytest
import skimage.data
import torch
from PIL import Image
from safetensors.torch import save_file

from engine.backbones import Backbone, load_backbone
from engine.backbones.families import open_clip as family
from engine.backbones.names import named
from engine.errors import BackboneError, BackboneUnavailableError


def load(name: str) -> Backbone:
    return load_backbone(name, device="cpu", runtime="torch", threads=1)


def features_of(backbone: Backbone, picture: Image.Image) -> np.ndarray:
    return backbone.features(backbone.prepare(picture)[np.newaxis])[0]


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


def test_features_are_openclips(tiny_clip: torch.nn.Module, tiny_clip_checkpoint: Path) -> None:
    picture = Image.fromarray(skimage.data.coffee())
    _, _, transform = open_clip.create_model_and_transforms(
        "tiny-clip", pretrained=str(tiny_clip_checkpoint)
    )
    with torch.inference_mode():
        expected = tiny_clip.encode_image(transform(picture)[None])[0].numpy()
    backbone = load(f"open_clip:tiny-clip@{tiny_clip_checkpoint}")
    features = features_of(backbone, picture)
    assert features.shape == expected.shape == (24,)
    assert cosine(features, expected) > 0.9999
    assert backbone.preprocessing.image_size == 64
    np.testing.assert_allclose(backbone.preprocessing.mean, open_clip.OPENAI_DATASET_MEAN)


def test_a_file_may_stand_in_the_tags_place(tiny_clip_checkpoint: Path) -> None:
    backbone = load(f"open_clip:tiny-clip/{tiny_clip_checkpoint}")
    assert backbone.name == f"open_clip:tiny-clip@{tiny_clip_checkpoint}"


def test_safetensors_and_torchs_form_give_the_same_features(
    tiny_clip: torch.nn.Module, tiny_clip_checkpoint: Path, tmp_path: Path
) -> None:
    save_file(tiny_clip.state_dict(), tmp_path / "tiny.safetensors")
    picture = Image.fromarray(skimage.data.astronaut())
    one = load(f"open_clip:tiny-clip@{tiny_clip_checkpoint}")
    other = load(f"open_clip:tiny-clip@{tmp_path / 'tiny.safetensors'}")
    np.testing.assert_allclose(
        features_of(one, picture), features_of(other, picture), rtol=1e-5, atol=1e-6
    )


def test_a_tag_decides_preprocessing_and_activation_of_a_local_file_too(
    tiny_clip: torch.nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights published under OpenAI's tag were trained with QuickGELU, x · sigmoid(1.702 x)."""
    published = {"quick_gelu": True, "mean": (0.1, 0.2, 0.3), "std": (0.4, 0.5, 0.6)}
    published |= {"interpolation": "bilinear", "resize_mode": "squash", "hf_hub": "nobody/none/"}
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED, "tiny-clip", {"invented": published})
    path = tmp_path / "tiny.safetensors"
    save_file(tiny_clip.state_dict(), path)
    tagged = load(f"open_clip:tiny-clip/invented@{path}")
    plain = load(f"open_clip:tiny-clip@{path}")
    assert tagged.preprocessing.mean == (0.1, 0.2, 0.3)
    assert tagged.preprocessing.fit == "squash"
    assert tagged.preprocessing.interpolation == "bilinear"
    pretrained = named(f"open_clip:tiny-clip/invented@{path}")
    activations = {type(part).__name__ for part in pretrained.network(path).module.modules()}
    assert "QuickGELU" in activations
    assert tagged.space.weights_hash != plain.space.weights_hash  # one file, two networks


def test_loading_leaves_the_root_logger_alone(tiny_clip_checkpoint: Path) -> None:
    before = list(logging.getLogger().handlers)
    load(f"open_clip:tiny-clip@{tiny_clip_checkpoint}")
    assert logging.getLogger().handlers == before


def test_a_checkpoint_of_another_model_is_refused(tiny_checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "text.pt").write_text("no checkpoint")
    for path in (tiny_checkpoint, tmp_path / "text.pt"):
        with pytest.raises(BackboneError, match="can't load"):
            load(f"open_clip:tiny-clip@{path}")


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path: Path) -> None:
    torch.save({"state_dict": {"module.weight": Path("/")}}, tmp_path / "evil.pt")
    with pytest.raises(BackboneError, match="can't load"):
        load(f"open_clip:tiny-clip@{tmp_path / 'evil.pt'}")


def test_an_unknown_model_or_tag_is_refused() -> None:
    with pytest.raises(BackboneError, match="expected the name of an OpenCLIP model"):
        load("open_clip:NoSuchModel/openai")
    with pytest.raises(BackboneError, match=r"expected a tag of ViT-B-32 .*laion2b_s34b_b79k"):
        load("open_clip:ViT-B-32/no_such_tag")


def test_a_hub_that_cannot_be_reached_is_said_so_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(BackboneUnavailableError) as caught:
        load("open_clip:ViT-B-32/laion2b_s34b_b79k")
    message = str(caught.value)
    assert "http://127.0.0.1:9/laion/CLIP-ViT-B-32-laion2B-s34B-b79K" in message
    assert "open_clip:ViT-B-32/laion2b_s34b_b79k@/path/to/file" in message


def test_published_files_that_need_no_unpickling_are_tried_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[str, tuple[str, ...]]] = []

    def hub_file(_: str, repository: str, filenames: tuple[str, ...], *, may_fetch: bool) -> Path:
        assert may_fetch
        asked.append((repository, filenames))
        return Path()

    monkeypatch.setattr(family, "hub_file", hub_file)
    named("open_clip:ViT-B-32/laion2b_s34b_b79k").weights()
    named("open_clip:RN50/cc12m").weights()
    (laion, files), (_, other_files) = asked
    assert laion == "laion/CLIP-ViT-B-32-laion2B-s34B-b79K"
    assert files[0].endswith(".safetensors")
    assert other_files[0].endswith(".safetensors")
    assert not other_files[-1].endswith(".safetensors")
