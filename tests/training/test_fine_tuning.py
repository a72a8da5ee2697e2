"""Training a tiny network from one picture a class: what is written, refused, resumed."""

import json
from dataclasses import replace

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from typer.testing import CliRunner

from engine.backbones import load_backbone
from engine.backbones.names import named
from engine.cli.app import app
from engine.errors import BackboneError, TrainingError
from engine.projections import Projection
from engine.recognizer import Recognizer
from engine.synthesis import Split
from engine.training import fine_tuning
from engine.training.fine_tuning import (
    CHECKPOINT,
    HELD_OUT,
    KEEP,
    QUERIES,
    FineTuning,
    FurtherPictures,
    fine_tune,
)
from engine.training.loop import Progress
from engine.training.photographing import PhotographBatches, Scenery, all_at_once, one_by_one
from engine.training.pictures import Cutouts, normalised, read_pictures
from engine.training.stages import PartlyFrozen, stages

CLASSES = 14


def picture(number, variant=0):
    """A few large squares whose colours say the class, and noise that is the variant's own."""
    colours = np.random.default_rng(number).integers(0, 256, (4, 4, 3))
    noise = np.random.default_rng([number, variant]).normal(0, 12, size=(48, 48, 3))
    return np.clip(colours.repeat(12, 0).repeat(12, 1) + noise, 0, 255).astype(np.uint8)


def pictures(classes=CLASSES, each=1):
    return [(f"class {n:02d}", picture(n, v)) for n in range(classes) for v in range(each)]


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("tiny") / "weights.pth"
    torch.save(timm.create_model("test_resnet", pretrained=False).state_dict(), path)
    return f"timm:test_resnet@{path}"


def settings(base, **changes):
    small = {"epochs": 2, "batch_size": 6, "photographs": 12, "size": 64, "fpir": 0.3}
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
    queries = [(label, pixels) for label, pixels in pictures()]  # which nothing can better
    ruinous = settings(base, promote_regression=False, learning_rate=3.0, epochs=1)
    result = fine_tune(pictures(), tmp_path, ruinous, evidence=FurtherPictures(queries=queries))
    assert result.decisive == QUERIES
    assert result.judgements[1].figures["top-1"].before.value == 1
    assert result.judgements[1].figures["TPIR at 30 % FPIR"].gain.value <= 0
    assert not result.promoted
    assert not (tmp_path / "backbone.json").exists()


def test_it_is_judged_by_what_a_gallery_of_the_base_searches(trained, base, tmp_path, monkeypatch):
    # a shipped map that tells nothing apart, so that before is as bad as can be
    _, result, _ = trained
    blind = np.zeros((result_dimension(base), 2), np.float32)
    blind[0, 0] = 1e-3
    shipped = Projection("shipped", np.full(len(blind), -1.0, np.float32), blind)
    monkeypatch.setattr(fine_tuning, "shipped_projection", lambda space: shipped)

    again = fine_tune(pictures(), tmp_path, settings(base))
    blindly, seeing = (one.judgements[0].figures["top-1"] for one in (again, result))

    assert blindly.after == seeing.after
    assert blindly.before.value < seeing.before.value


def result_dimension(base):
    return load_backbone(base, device="cpu", runtime="torch").space.dimension


def test_a_fine_tuned_backbone_can_be_tuned_further(trained, base, tmp_path):
    folder, _, _ = trained
    fine_tune(pictures(), tmp_path, settings(str(folder), epochs=1))
    assert json.loads((tmp_path / "backbone.json").read_text())["base"] == base


def test_too_few_classes_are_refused(base, tmp_path):
    with pytest.raises(TrainingError, match=r"at least 12 labelled classes.*got 5"):
        fine_tune(pictures(classes=5), tmp_path, settings(base))


def test_no_pictures_are_refused(base, tmp_path):
    with pytest.raises(TrainingError, match="there are none"):
        fine_tune([], tmp_path, settings(base))


def test_a_damaged_picture_is_skipped_and_told(base, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    preprocessing = load_backbone(base, device="cpu", runtime="torch").preprocessing
    listed = [("a", picture(0)), ("b", broken), ("c", picture(1)), ("a", picture(0, 1))]
    data = read_pictures(listed, preprocessing)
    assert data.names == ("a", "c")
    assert data.labels.tolist() == [0, 1, 0]
    assert data.first_of_each().tolist() == [0, 1]
    assert [reject.source for reject in data.rejects] == [str(broken)]
    expected = preprocessing.prepare(Image.fromarray(picture(1))).astype(int)
    assert np.abs(data.prepared([1], preprocessing)[0] - expected).mean() < 4  # kept as a JPEG


def test_it_is_judged_on_real_queries_and_on_what_must_not_be_forgotten(base, tmp_path):
    kept = [(f"other {n}", picture(100 + n, v)) for n in range(5) for v in range(2)]
    evidence = FurtherPictures(queries=pictures(6, each=2), keep=kept)
    result = fine_tune(pictures(each=2), tmp_path, settings(base, epochs=1), evidence=evidence)
    assert [judgement.name for judgement in result.judgements] == [HELD_OUT, QUERIES, KEEP]
    assert [judgement.classes for judgement in result.judgements[1:]] == [6, 5]
    assert [judgement.queries for judgement in result.judgements[1:]] == [12, 5]
    names = {"top-1", "TPIR at 1 % FPIR", "TPIR at 5 % FPIR", "TPIR at 30 % FPIR"}
    assert set(result.judgements[2].figures) == names


def test_queries_of_a_class_without_a_picture_are_refused(base, tmp_path):
    evidence = FurtherPictures(queries=[("no such class", picture(3))])
    with pytest.raises(TrainingError, match="'no such class' has none"):
        fine_tune(pictures(), tmp_path, settings(base, epochs=1), evidence=evidence)


@pytest.mark.parametrize("together", [False, True])
def test_a_batch_is_pictures_a_photograph_of_each_and_some_to_remember(base, together):
    network = named(base).network(named(base).weights())
    small = replace(network.preprocessing, image_size=64, resize=64)
    data = read_pictures(pictures(), network.preprocessing)
    cutouts, rows = Cutouts(data, 80), np.arange(len(data.labels))
    scenery = Scenery.around(cutouts, rows, (), Split.TRAINING)
    if together:  # as on a GPU
        photographer = all_at_once(cutouts, rows, scenery, 64, torch.device("cpu"))
    else:
        photographer = one_by_one(cutouts, rows, scenery, 64)
    batches = PhotographBatches(
        data, rows, photographer, network.module, small, pairs=8, photographs=16
    )
    assert batches.steps == 2
    for images, labels, teacher in batches.epoch(3):
        assert images.shape == (17, 3, 64, 64)
        assert len(set(labels.tolist())) == 8
        clean = data.prepared([data.labels.tolist().index(label) for label in labels], small)
        torch.testing.assert_close(images[:8], normalised(clean, small))
        with torch.inference_mode():
            says = torch.nn.functional.normalize(
                network.module(torch.cat([images[:8], images[16:]]))
            )
        torch.testing.assert_close(teacher, says, atol=1e-4, rtol=1e-4)
    same = [batch[0] for batch in batches.epoch(3)]
    torch.testing.assert_close(same[1], images)


def test_a_size_that_the_network_does_not_take_is_refused(tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "vit.pth"
    torch.save(timm.create_model("test_vit", pretrained=False).state_dict(), path)
    with pytest.raises(TrainingError, match=r"expected a size .* takes, but got 50"):
        fine_tune(pictures(), tmp_path / "out", settings(f"timm:test_vit@{path}", size=50))


def test_a_vision_transformer_is_trained_at_its_own_size(tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "vit.pth"
    torch.save(timm.create_model("test_vit", pretrained=False).state_dict(), path)
    name = f"timm:test_vit@{path}"
    result = fine_tune(pictures(), tmp_path / "out", settings(name, size=None, epochs=1))
    assert result.promoted
    assert load_backbone(str(tmp_path / "out"), device="cpu", runtime="torch")


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


def written(folder, listed):
    for label, pixels in listed:
        (folder / label).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(
            folder / label / f"{len(list((folder / label).iterdir()))}.png"
        )
    return str(folder)


QUICK = [
    "--epochs",
    "1",
    "--batch-size",
    "6",
    "--photographs",
    "6",
    "--size",
    "64",
    "--fpir",
    "0.3",
]


def test_the_command_trains_and_prints_figures_before_and_after(base, tmp_path):
    arguments = ["train", "backbone", "--data", written(tmp_path / "data", pictures())]
    arguments += ["--queries", written(tmp_path / "queries", pictures(4, each=2))]
    arguments += ["--out", str(tmp_path / "out"), "--from", base, *QUICK, "--keep-regression"]
    result = CliRunner().invoke(app, [*arguments, "--json"])
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert figures["promoted"]
    assert [judgement["name"] for judgement in figures["judgements"]] == [HELD_OUT, QUERIES]
    assert set(figures["judgements"][0]["figures"]["top-1"]) == {"before", "after", "gain"}
    printed = CliRunner().invoke(app, arguments)  # resumed: trained already
    assert "photographs of held-out classes" in printed.stdout
    assert "TPIR at 1 % FPIR" in printed.stdout


def test_the_command_learns_from_a_gallerys_kept_pictures(base, tmp_path):
    with Recognizer.open(tmp_path / "gallery", create=True, backbone=base) as recognizer:
        recognizer.enroll_catalog(pictures())
    arguments = ["train", "backbone", "--gallery", str(tmp_path / "gallery")]
    arguments += ["--out", str(tmp_path / "out"), "--from", base, *QUICK, "--keep-regression"]
    result = CliRunner().invoke(app, [*arguments, "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["training_classes"] == CLASSES - 8


def test_the_command_wants_pictures_from_one_place(tmp_path):
    result = CliRunner().invoke(app, ["train", "backbone", "--out", str(tmp_path)])
    assert result.exit_code == 2
    assert "--data or --gallery" in result.output
