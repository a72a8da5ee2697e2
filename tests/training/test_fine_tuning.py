"""Fine-tuning a tiny network: what is written, what is refused, what resumes."""

import json

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from typer.testing import CliRunner

from engine.backbones import load_backbone
from engine.cli.app import app
from engine.errors import BackboneError, TrainingError
from engine.projections import Projection
from engine.training import fine_tuning
from engine.training.fine_tuning import CHECKPOINT, FineTuning, fine_tune
from engine.training.loop import Progress
from engine.training.pictures import prepare_pictures
from engine.training.stages import PartlyFrozen, stages

CLASSES = 14


def picture(number, variant):
    """A plain picture whose colour says the class, and whose noise is the variant's own."""
    random = np.random.default_rng([number, variant])
    colour = np.random.default_rng(number).integers(40, 215, 3)
    pixels = colour + random.normal(0, 25, size=(40, 40, 3)) + random.normal(0, 12, size=3)
    return np.clip(pixels, 0, 255).astype(np.uint8)


def pictures(classes=CLASSES, each=3):
    return [(f"class {n:02d}", picture(n, v)) for n in range(classes) for v in range(each)]


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("tiny") / "weights.pth"
    torch.save(timm.create_model("test_resnet", pretrained=False).state_dict(), path)
    return f"timm:test_resnet@{path}"


def settings(base, **changes):
    small = {"epochs": 2, "batch_size": 12, "per_class": 3, "learning_rate": 1e-3, "fpir": 0.3}
    return FineTuning(base=base, **{"promote_regression": True, **small, **changes})


@pytest.fixture(scope="session")
def trained(base, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained") / "backbone"
    progress = []
    result = fine_tune(pictures(), folder, settings(base), on_progress=progress.append)
    return folder, result, progress


def test_the_folder_is_a_backbone_with_a_space_of_its_own(trained, base):
    folder, result, _ = trained
    assert result.promoted
    before = load_backbone(base, device="cpu", runtime="torch")
    after = load_backbone(str(folder), device="cpu", runtime="torch")
    assert after.name == str(folder)
    assert after.space.dimension == before.space.dimension
    assert after.space.id != before.space.id
    batch = after.prepare(Image.fromarray(picture(0, 9)))[np.newaxis]
    assert np.abs(after.features(batch) - before.features(batch)).max() > 1e-4


def test_the_folder_holds_no_leftovers_but_the_checkpoint(trained):
    folder, _, _ = trained
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["backbone.json", CHECKPOINT, "weights.safetensors"]


def test_no_class_is_used_for_two_ends(trained):
    _, result, _ = trained
    counts = (result.training_classes, result.stopping_classes, result.judging_classes)
    assert sum(counts) == CLASSES
    assert min(counts) >= 4


def test_progress_tells_the_held_out_figure(trained):
    _, _, progress = trained
    assert [step.epoch for step in progress] == [1, 2]
    assert all(isinstance(step, Progress) and step.held_out is not None for step in progress)


def test_a_killed_run_ends_as_an_uninterrupted_one(trained, base, tmp_path):
    class Killed(BaseException):
        pass

    def kill(_):
        raise Killed

    folder, _, _ = trained
    with pytest.raises(Killed):
        fine_tune(pictures(), tmp_path, settings(base), on_progress=kill)
    assert not (tmp_path / "backbone.json").exists()
    fine_tune(pictures(), tmp_path, settings(base))
    assert (tmp_path / "weights.safetensors").read_bytes() == (
        folder / "weights.safetensors"
    ).read_bytes()


def test_a_regression_is_not_promoted(base, tmp_path):
    # a learning rate that destroys what the network knows
    ruinous = settings(base, promote_regression=False, learning_rate=3.0, epochs=1)
    result = fine_tune(pictures(), tmp_path, ruinous)
    assert result.judged.gain.value <= 0
    assert not result.promoted
    assert not (tmp_path / "backbone.json").exists()


def test_it_is_judged_by_what_a_gallery_of_the_base_searches(trained, base, tmp_path, monkeypatch):
    # a shipped map that tells nothing apart, so that before is as bad as can be
    _, result, _ = trained
    blind = np.zeros((result_dimension(base), 2), np.float32)
    blind[0, 0] = 1e-3
    shipped = Projection("shipped", np.full(len(blind), -1.0, np.float32), blind)
    monkeypatch.setattr(fine_tuning, "shipped_projection", lambda space: shipped)

    judged = fine_tune(pictures(), tmp_path, settings(base)).judged

    assert judged.after == result.judged.after
    assert judged.before.value < result.judged.before.value


def result_dimension(base):
    return load_backbone(base, device="cpu", runtime="torch").space.dimension


def test_a_fine_tuned_backbone_can_be_tuned_further(trained, base, tmp_path):
    folder, _, _ = trained
    fine_tune(pictures(), tmp_path, settings(str(folder), epochs=1))
    assert json.loads((tmp_path / "backbone.json").read_text())["base"] == base


def test_too_few_classes_are_refused(base, tmp_path):
    with pytest.raises(TrainingError, match=r"at least 12 labelled classes.*got 5"):
        fine_tune(pictures(classes=5), tmp_path, settings(base))
    assert not (tmp_path / "pictures.npy").exists()


def test_no_pictures_are_refused(base, tmp_path):
    with pytest.raises(TrainingError, match="there are none"):
        fine_tune([], tmp_path, settings(base))


def test_a_damaged_picture_is_skipped_and_told(base, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    preprocessing = load_backbone(base, device="cpu", runtime="torch").preprocessing
    listed = [("a", picture(0, 0)), ("b", broken), ("c", picture(1, 0))]
    data = prepare_pictures(listed, preprocessing, tmp_path / "pixels.npy")
    assert data.names == ("a", "c")
    assert data.labels.tolist() == [0, 1]
    assert [reject.source for reject in data.rejects] == [str(broken)]
    expected = preprocessing.prepare(Image.fromarray(picture(1, 0)))
    np.testing.assert_array_equal(data.pixels[1], expected)


def test_frozen_stages_and_norms_stay_as_they_were():
    torch.manual_seed(0)
    model = timm.create_model("test_resnet", pretrained=False, num_classes=0)
    partly = PartlyFrozen(model, [stages(model)[0]]).train()
    first = dict(model.named_children())[stages(model)[0]]
    assert not any(parameter.requires_grad for parameter in first.parameters())
    assert any(parameter.requires_grad for parameter in model.parameters())
    norms = [part for part in partly.modules() if isinstance(part, torch.nn.BatchNorm2d)]
    assert norms
    assert not any(part.training for part in norms)


def test_an_unknown_stage_is_refused_with_those_there_are():
    model = timm.create_model("test_resnet", pretrained=False, num_classes=0)
    with pytest.raises(TrainingError, match=r"layer1.*'layer9'"):
        PartlyFrozen(model, ["layer9"])
    with pytest.raises(TrainingError, match="all are frozen"):
        PartlyFrozen(model, stages(model))


def test_a_damaged_description_is_refused_by_name(tmp_path):
    (tmp_path / "backbone.json").write_text("{")
    with pytest.raises(BackboneError, match=r"backbone\.json: expected the description"):
        load_backbone(str(tmp_path), device="cpu", runtime="torch")


def test_a_description_of_a_newer_format_is_refused(tmp_path):
    (tmp_path / "backbone.json").write_text('{"format": 2, "base": "efficientnet-lite0"}')
    with pytest.raises(BackboneError, match="format 1, but got 2"):
        load_backbone(str(tmp_path), device="cpu", runtime="torch")


def test_the_command_trains_and_prints_both_figures(base, tmp_path):
    for label, pixels in pictures():
        folder = tmp_path / "data" / label
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / f"{len(list(folder.iterdir()))}.png")
    arguments = ["train", "backbone", "--data", str(tmp_path / "data")]
    arguments += ["--out", str(tmp_path / "out"), "--from", base, "--epochs", "1"]
    arguments += ["--batch-size", "12", "--fpir", "0.3", "--keep-regression", "--json"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert figures["promoted"]
    assert set(figures["judged"]) == {"before", "after", "gain"}
