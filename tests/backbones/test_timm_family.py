"""`timm:NAME`, with a tiny model whose checkpoints the tests write."""

from __future__ import annotations

from pathlib import Path

import huggingface_hub.constants
import numpy as np
import pytest
import skimage.data
import timm
import torch
from PIL import Image
from safetensors.torch import save_file

from engine.backbones import Backbone, load_backbone
from engine.errors import BackboneError, BackboneUnavailableError


def load(name: str) -> Backbone:
    return load_backbone(name, device="cpu", runtime="torch", threads=1)


def timm_features(model: torch.nn.Module, picture: Image.Image) -> np.ndarray:
    """What timm itself gives, with its own preprocessing."""
    config = timm.data.resolve_model_data_config(model)
    pixels = timm.data.create_transform(**config, is_training=False)(picture)
    with torch.inference_mode():
        return model.forward_head(model.forward_features(pixels[None]), pre_logits=True)[0].numpy()


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


def test_features_are_timms(tiny_model: torch.nn.Module, tiny_checkpoint: Path) -> None:
    backbone = load(f"timm:test_vit@{tiny_checkpoint}")
    picture = Image.fromarray(skimage.data.coffee())
    features = backbone.features(backbone.prepare(picture)[np.newaxis])[0]
    expected = timm_features(tiny_model, picture)
    assert features.shape == expected.shape == (64,)
    assert cosine(features, expected) > 0.99999


@pytest.mark.parametrize("name", ["test_resnet", "test_efficientnet", "test_convnext"])
def test_other_architectures_work_too(name: str, tmp_path: Path) -> None:
    torch.manual_seed(1)
    model = timm.create_model(name, pretrained=False).eval()
    path = tmp_path / "weights.pth"
    torch.save(model.state_dict(), path)
    backbone = load(f"timm:{name}@{path}")
    picture = Image.fromarray(skimage.data.astronaut())
    features = backbone.features(backbone.prepare(picture)[np.newaxis])[0]
    assert cosine(features, timm_features(model, picture)) > 0.9999


def test_the_form_of_the_checkpoint_does_not_change_the_features(
    tiny_model: torch.nn.Module, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    weights = tiny_model.state_dict()
    headless = {key: tensor for key, tensor in weights.items() if not key.startswith("head.")}
    wrapped = {f"module.{key}": tensor for key, tensor in weights.items()}
    torch.save(weights, tmp_path / "plain.pth")
    torch.save({"epoch": 3, "state_dict": wrapped}, tmp_path / "training.pth.tar")
    save_file(headless, tmp_path / "headless.safetensors")
    reference = load(f"timm:test_vit@{tiny_checkpoint}")
    batch = reference.prepare(Image.fromarray(skimage.data.coffee()))[np.newaxis]
    for path in tmp_path.iterdir():
        features = load(f"timm:test_vit@{path}").features(batch)
        np.testing.assert_allclose(features, reference.features(batch), atol=1e-6)


def test_other_weights_are_another_space(
    tiny_model: torch.nn.Module, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    weights = {key: tensor + 0.01 for key, tensor in tiny_model.state_dict().items()}
    save_file(weights, tmp_path / "other.safetensors")
    one = load(f"timm:test_vit@{tiny_checkpoint}").space
    other = load(f"timm:test_vit@{tmp_path / 'other.safetensors'}").space
    assert one.id != other.id
    assert one.preprocessing_hash == other.preprocessing_hash


def test_the_name_loads_it_again_from_any_folder(
    tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tiny_checkpoint.parent)
    backbone = load(f"timm:test_vit@{tiny_checkpoint.name}")
    monkeypatch.chdir("/")
    assert load(backbone.name).space == backbone.space


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "evil.pth"
    torch.save({"state_dict": {"weight": Canary()}}, path)
    with pytest.raises(BackboneError, match="can't load"):
        load(f"timm:test_vit@{path}")
    assert not Canary.sang


class Canary:
    """Unpickling one would be noticed."""

    sang = False

    def __reduce__(self) -> tuple[object, tuple[()]]:
        return _sing, ()


def _sing() -> Canary:
    Canary.sang = True
    return Canary()


def test_a_checkpoint_of_another_model_is_refused(tiny_checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(BackboneError, match="does not hold this model's weights: missing"):
        load(f"timm:test_resnet@{tiny_checkpoint}")
    deeper = timm.create_model("test_vit", pretrained=False, depth=8).state_dict()
    torch.save(deeper, tmp_path / "deeper.pth")
    with pytest.raises(BackboneError, match=r"unexpected \['blocks\.6"):
        load(f"timm:test_vit@{tmp_path / 'deeper.pth'}")


def test_a_checkpoint_that_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    for name in ("text.pth", "text.safetensors"):
        (tmp_path / name).write_text("this is not a checkpoint")
        with pytest.raises(BackboneError, match="can't load"):
            load(f"timm:test_vit@{tmp_path / name}")


def test_a_missing_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(BackboneUnavailableError, match="expected a checkpoint file at"):
        load(f"timm:test_vit@{tmp_path / 'missing.pth'}")


def test_an_unknown_model_is_refused() -> None:
    for name in ("timm:no_such_model", "timm:test_vit.no_such_tag"):
        with pytest.raises(BackboneError, match="expected the name of a timm model"):
            load(name)


def test_published_weights_are_taken_from_the_hubs_cache(
    tiny_model: torch.nn.Module,
    tiny_checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The layout of the cache is documented by huggingface_hub, and written here by hand."""
    repository = tmp_path / "models--timm--test_vit.r160_in1k"
    commit = "0" * 40
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(commit)
    snapshot = repository / "snapshots" / commit
    snapshot.mkdir(parents=True)
    (snapshot / "model.safetensors").write_bytes(tiny_checkpoint.read_bytes())
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    backbone = load("timm:test_vit.r160_in1k")
    assert backbone.name == "timm:test_vit.r160_in1k"
    local = load(f"timm:test_vit@{tiny_checkpoint}")
    assert backbone.space.id == local.space.id  # the same file in the same architecture
    batch = local.prepare(Image.fromarray(skimage.data.coffee()))[np.newaxis]
    np.testing.assert_allclose(backbone.features(batch), local.features(batch), atol=1e-6)


def test_a_hub_that_cannot_be_reached_is_said_so_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(BackboneUnavailableError) as caught:
        load("timm:test_vit")
    message = str(caught.value)
    assert "http://127.0.0.1:9/timm/test_vit.r160_in1k (model.safetensors" in message
    assert "can't be reached" in message
    assert "timm:test_vit@/path/to/file" in message
