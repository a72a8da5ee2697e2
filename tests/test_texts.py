"""Texts as examples: with a small OpenCLIP model of random weights, and with made vectors."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image

from engine.backbones import Backbone, load_backbone
from engine.errors import DuplicateImageError, GalleryError, SettingsError, TextError
from engine.features.texts import WORDS
from engine.filtering import Filter
from engine.gallery import Gallery, decide_queries
from engine.recognizer import Recognizer
from engine.testing.fake_backbone import FakeBackbone
from engine.types import KeepPictures, NewExample, Space
from tests.conftest import quarters

DIMENSION = 32
SPACE = Space("made", "a" * 64, "b" * 64, DIMENSION)
RED, BLUE = (Image.new("RGB", (64, 64), colour) for colour in ("red", "blue"))


@pytest.fixture
def recognizer(clip: Backbone, tmp_path: Path) -> Iterator[Recognizer]:
    with Recognizer.open(tmp_path / "gallery", create=True, backbone=clip) as opened:
        yield opened


def unit(*numbers: float) -> np.ndarray:
    vector = np.zeros(DIMENSION, np.float32)
    vector[: len(numbers)] = numbers
    return vector / np.linalg.norm(vector)


def test_a_texts_features_are_the_mean_over_openclips_templates(
    clip: Backbone, tiny_clip: torch.nn.Module
) -> None:
    """By hand: the seven templates of CLIP's notebook, without the article; unit, then the mean."""
    prompts = [
        "itap of a red mug.",
        "a bad photo of the red mug.",
        "a origami red mug.",
        "a photo of the large red mug.",
        "a red mug in a video game.",
        "art of the red mug.",
        "a photo of the small red mug.",
    ]
    with torch.inference_mode():
        rows = tiny_clip.encode_text(open_clip.get_tokenizer("tiny-clip")(prompts))
    unit_rows = rows / rows.norm(dim=1, keepdim=True)
    expected = unit_rows.mean(dim=0)
    expected = (expected / expected.norm()).numpy()
    found = clip.text_features(["a red mug", "The red mug", "cup"])
    assert found.shape == (3, 24)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[0], expected, atol=1e-5)
    np.testing.assert_allclose(found[1], expected, atol=1e-5)
    assert clip.text_features([]).shape == (0, 24)


def test_another_backbone_refuses_in_one_sentence(tmp_path: Path) -> None:
    with Recognizer.open(tmp_path / "g", create=True, backbone=FakeBackbone()) as recognizer:
        for ask in (
            lambda: recognizer.enroll("mug", text="a red mug"),
            lambda: recognizer.nearest(text="a red mug"),
        ):
            with pytest.raises(TextError, match=r"^fake knows pictures only; a text needs a"):
                ask()
        assert recognizer.gallery.catalog.counts().classes == 0


@pytest.mark.parametrize("text", ["", "  ", "a\x00b", "\x1b[31mred", "x" * 1001, 7])
def test_what_is_no_text_is_refused(recognizer: Recognizer, text: object) -> None:
    with pytest.raises(TextError, match="expected a text such as"):
        recognizer.enroll("mug", text=text)  # type: ignore[arg-type]


def test_one_of_picture_and_text_is_taken(recognizer: Recognizer) -> None:
    with pytest.raises(SettingsError, match="expected a picture or a text, but got neither"):
        recognizer.enroll("mug")
    with pytest.raises(SettingsError, match="expected a picture or a text, but got both"):
        recognizer.nearest(RED, text="a red mug")
    with pytest.raises(SettingsError, match="expected a box with a picture"):
        recognizer.enroll("mug", text="a red mug", box=(0, 0, 1, 1))


def test_a_text_is_an_example_like_any_other(recognizer: Recognizer) -> None:
    enrolled = recognizer.enroll("mug", text="a  red mug", attributes={"shop": "north"})
    assert recognizer.enroll("mug", text="a red mug").status == "unchanged"
    with pytest.raises(DuplicateImageError, match=r"^the same text, 'a red mug', is already"):
        recognizer.enroll("cup", text="a red mug")
    [example] = recognizer.gallery.catalog.ask(lambda read: read.examples.listed())
    assert (example.id, example.text, example.source) == (
        enrolled.example_id, "a red mug", "<text>",
    )  # fmt: skip
    [candidate] = recognizer.nearest(RED)
    assert (candidate.label, candidate.text) == ("mug", "a red mug")
    assert candidate.attributes == {"shop": "north"}
    expected = recognizer.embed([RED])[0] @ recognizer.embedder.embed_texts(["a red mug"])[0]
    assert candidate.similarity == pytest.approx(float(expected), abs=1e-5)
    decision = recognizer.recognize(RED)
    assert decision.text == "a red mug"
    assert decision.to_json()["text"] == "a red mug"
    assert recognizer.gallery.describe().texts == 1
    assert recognizer.gallery.check() == []
    recognizer.gallery.examples.remove(example.id)
    assert recognizer.recognize(RED).reason == "empty_gallery"


def test_a_text_that_is_asked_finds_the_same_text_and_pictures(recognizer: Recognizer) -> None:
    recognizer.enroll("mug", text="a red mug")
    recognizer.enroll("car", text="a blue car")
    recognizer.enroll("blue", BLUE)
    found = recognizer.nearest(text="a red mug", k=3)
    assert {candidate.label for candidate in found} == {"mug", "car", "blue"}
    [mug] = [each for each in found if each.label == "mug"]
    assert mug.similarity == pytest.approx(1, abs=1e-5)
    assert recognizer.nearest(text="a red mug", k=1)[0].label in {"mug", "blue"}


def test_texts_survive_closing_exporting_and_backing_up(
    recognizer: Recognizer, tmp_path: Path, clip: Backbone
) -> None:
    recognizer.enroll("mug", text="a red mug")
    recognizer.enroll("mug", RED)
    recognizer.enroll("car", text="a blue car")
    before = recognizer.recognize(BLUE)
    recognizer.gallery.export(tmp_path / "out.parquet")
    recognizer.gallery.backup(tmp_path / "copy")
    with Gallery.create_from_export(tmp_path / "imported", tmp_path / "out.parquet"):
        pass
    for name in ("gallery", "copy", "imported"):
        with Recognizer.open(tmp_path / name, backbone=clip) as again:
            after = again.recognize(BLUE)
            assert (after.label, after.text, after.score) == (
                before.label, before.text, pytest.approx(before.score),
            )  # fmt: skip
            assert again.gallery.describe().texts == 2
            assert again.gallery.check() == []


def test_classes_merge_with_their_texts(recognizer: Recognizer) -> None:
    recognizer.enroll("mug", text="a red mug")
    recognizer.enroll("cup", text="a cup")
    recognizer.enroll("cup", text="a red mug", allow_duplicates=True)
    recognizer.gallery.classes.merge(["cup"], "mug")
    [candidate] = recognizer.nearest(text="a cup")
    assert (candidate.label, candidate.text) == ("mug", "a cup")
    recognizer.gallery.classes.remove("mug")
    assert recognizer.gallery.snapshot().texts.texts == {}


def test_moving_to_a_backbone_of_pictures_is_refused(recognizer: Recognizer) -> None:
    recognizer.enroll("mug", RED)
    recognizer.enroll("mug", text="a red mug")
    with pytest.raises(GalleryError, match=r"1 of its examples are texts.*fake knows pictures"):
        recognizer.reembed(FakeBackbone())
    assert recognizer.recognize(RED).label == "mug"


def test_texts_move_to_another_model_of_pictures_and_texts_and_back(
    recognizer: Recognizer, tiny_clip: torch.nn.Module, tmp_path: Path
) -> None:
    recognizer.enroll("mug", text="a red mug")
    recognizer.enroll("red", RED)
    before = recognizer.nearest(text="a red mug", k=2)
    weights = {name: value.flip(0) for name, value in tiny_clip.state_dict().items()}
    torch.save(weights, tmp_path / "other.pt")
    other = load_backbone(f"open_clip:tiny-clip@{tmp_path / 'other.pt'}", runtime="torch")
    recognizer.reembed(other)
    snapshot = recognizer.gallery.snapshot()
    expected = other.text_features(["a red mug"])
    np.testing.assert_allclose(snapshot.texts.vectors, expected, atol=1e-5)
    assert len(snapshot.texts.words) == len(WORDS)
    recognizer.enroll("car", text="a car")
    recognizer.undo_reembed()
    assert len(recognizer.gallery.snapshot().texts) == 2
    after = recognizer.nearest(text="a red mug", k=3)
    assert {each.label: pytest.approx(each.similarity, abs=1e-5) for each in before}.items() <= {
        each.label: each.similarity for each in after
    }.items()


def test_another_process_follows(recognizer: Recognizer, tmp_path: Path, clip: Backbone) -> None:
    with Recognizer.open(tmp_path / "gallery", backbone=clip) as other:
        assert other.nearest(RED) == []
        example = recognizer.enroll("mug", text="a red mug").example_id
        other.gallery._live.newest()
        assert other.nearest(RED)[0].text == "a red mug"
        recognizer.gallery.examples.remove(example)
        other.gallery._live.newest()
        assert other.nearest(RED) == []


def test_a_filter_leaves_texts_out(recognizer: Recognizer) -> None:
    recognizer.enroll("mug", text="a red mug", attributes={"shop": "north"})
    recognizer.enroll("car", text="a car", attributes={"shop": "south"})
    [found] = recognizer.nearest(RED, where={"shop": "south"})
    assert found.text == "a car"
    narrowed = recognizer.gallery.snapshot().narrowed(Filter.of({"shop": "south"}))
    assert len(narrowed.texts.beside) == 1
    assert recognizer.recognize(RED, where={"shop": "south"}).text == "a car"


def test_explaining_names_the_text(recognizer: Recognizer) -> None:
    recognizer.enroll("mug", text="a red mug")
    recognizer.enroll("blue", BLUE)
    explained = recognizer.explain(RED)
    nearest = explained.decision.candidates[0]
    assert ("to the text 'a red mug'" in explained.sentences()[0]) == (nearest.text is not None)
    assert len(explained.candidates) == 2
    json.dumps(explained.to_json(), allow_nan=False)
    assert explained.picture().startswith(b"\x89PNG")


def test_a_gallery_of_texts_and_pictures_is_calibrated(recognizer: Recognizer) -> None:
    for seed in range(4):
        recognizer.enroll(f"thing {seed}", quarters(seed))
        recognizer.enroll(f"said {seed}", text=f"thing number {seed}")
    assert recognizer.recalibrate().expected_fpir is not None
    queries = [("", quarters(10 + seed)) for seed in range(24)]
    strangers = recognizer.calibrate(queries=queries, unlabelled=True, target_fpir=0.2)
    assert strangers.evidence["unlabelled queries"] == 24


def test_classes_that_are_enrolled_by_text_are_known_to_an_evaluation(
    recognizer: Recognizer,
) -> None:
    recognizer.enroll("mug", text="a red mug")
    recognizer.enroll("car", text="a blue car")
    queries = [("mug", RED), ("car", BLUE)]
    unknown = [("", quarters(seed)) for seed in range(20)]
    evaluated = recognizer.evaluate(queries, unknown=unknown, compare=True).to_json()
    assert (evaluated["queries"], evaluated["strangers"]) == (2, 20)
    right = sum(recognizer.nearest(image, k=1)[0].label == label for label, image in queries)
    assert evaluated["figures"]["top_1"]["value"] == right / 2


def made_gallery(folder: Path, pictures: int) -> Gallery:
    """Pictures near the first axis, texts near the second: cosines between them are about 0.2.

    Text number n tells axis 10 + n, and so do a little the pictures that show it; the words that
    texts are measured against tell nothing.
    """
    gallery = Gallery.create(folder, space=SPACE, keep_pictures=KeepPictures.NONE)
    noise = np.random.default_rng(0)
    words = [unit(0.2, 1, *noise.normal(0, 0.05, 8)) for _ in range(60)]
    gallery.spaces.set_words(SPACE, np.stack(words))
    examples = []
    for number in range(4):
        vector = unit(0.2, 1)
        vector[10 + number] = 0.5
        examples.append(example(f"text {number}", vector, f"text {number}"))
    for number in range(pictures):
        vector = unit(1, 0, *noise.normal(0, 0.1, 8))
        vector[20 + number % 12] = 0.5
        examples.append(example(f"picture {number}", vector))
    assert all(not hasattr(outcome, "reason") for outcome in gallery.enroll(examples))
    return gallery


def example(label: str, vector: np.ndarray, text: str | None = None) -> NewExample:
    vector = vector / np.linalg.norm(vector)
    content = hashlib.sha256(label.encode()).hexdigest()
    return NewExample(label, label, content, 0, 0, vector, text=text)


def shown(axis: int | None, seed: int) -> np.ndarray:
    """A picture of what the axis tells; of nothing known without one."""
    vector = unit(1, 0.02, *np.random.default_rng(seed).normal(0, 0.1, 8))
    if axis is not None:
        vector[axis] = 0.5
    return vector / np.linalg.norm(vector)


@pytest.mark.parametrize("pictures", [0, 12])
def test_a_picture_is_given_the_class_that_was_enrolled_by_text(
    tmp_path: Path, pictures: int
) -> None:
    """Its cosine with the text is half of that with pictures of other things."""
    with made_gallery(tmp_path / "g", pictures) as gallery:
        queries = np.stack([shown(10 + number, 100 + number) for number in range(4)])
        decisions = decide_queries(gallery.snapshot(), queries, ["q"] * 4)
        assert [decision.label for decision in decisions] == [f"text {n}" for n in range(4)]
        assert [decision.text for decision in decisions] == [f"text {n}" for n in range(4)]
        assert all(decision.similarity < 0.6 for decision in decisions)
        strangers = np.stack([shown(None, 200 + number) for number in range(40)])
        unknown = decide_queries(gallery.snapshot(), strangers, ["q"] * 40)
        assert sum(decision.known for decision in unknown) <= 4


def test_pictures_still_find_pictures_beside_texts(tmp_path: Path) -> None:
    with made_gallery(tmp_path / "g", 12) as gallery:
        queries = np.stack([shown(20 + number, 300 + number) for number in range(12)])
        for number, decision in enumerate(decide_queries(gallery.snapshot(), queries, ["q"] * 12)):
            assert decision.candidates[0].label == f"picture {number}"
            assert decision.text is None


def test_texts_change_no_statistics_of_pictures(tmp_path: Path) -> None:
    """Nor do they stand for impostors of pictures."""
    with made_gallery(tmp_path / "g", 12) as gallery:
        snapshot = gallery.snapshot()
        pictures, texts = snapshot.kinds
        assert len(pictures.examples) == len(pictures.cohort) == 12
        assert len(texts.examples) == 4
        ids = np.sort(np.unique(texts.examples.examples_of(np.arange(100))[1]))
        assert all(math.isnan(of_class.mean) for of_class in pictures.moments_of(ids))
        assert all(of_class.mean < 0.3 for of_class in texts.moments_of(ids))
        others = np.array(sorted(snapshot.labels))[4:]
        assert all(of_class.mean > 0.5 for of_class in pictures.moments_of(others))


def test_a_class_found_by_text_refuses_what_is_near_its_counterexample(tmp_path: Path) -> None:
    with made_gallery(tmp_path / "g", 12) as gallery:
        query = shown(10, 100)
        [before] = decide_queries(gallery.snapshot(), query[None], ["q"])
        assert before.label == "text 0"
        other = replace(example("", shown(11, 500)), content_hash="0" * 64)
        gallery.counterexamples.add(other, "text 0")
        [other_thing] = decide_queries(gallery.snapshot(), query[None], ["q"])
        assert other_thing.label == "text 0"
        gallery.counterexamples.add(replace(other, vector=query, content_hash="1" * 64), "text 0")
        [refused] = decide_queries(gallery.snapshot(), query[None], ["q"])
        assert refused.label != "text 0"
        assert [refusal.label for refusal in refused.refused] == ["text 0"]


def test_a_picture_and_a_text_that_score_alike_are_ambiguous(tmp_path: Path) -> None:
    """Between what is shown by text 0 and by picture 0, somewhere both score the same."""
    with made_gallery(tmp_path / "g", 12) as gallery:
        snapshot = gallery.snapshot()
        mixed = []
        for share in np.linspace(0, 1, 200):
            vector = shown(None, 700)
            vector[10], vector[20] = 0.5 * share, 0.5 * (1 - share)
            mixed.append(vector / np.linalg.norm(vector))
        decisions = decide_queries(snapshot, np.stack(mixed), ["q"] * 200)
        assert (decisions[0].candidates[0].label, decisions[-1].label) == ("picture 0", "text 0")
        alike = [d for d in decisions if d.ambiguous]
        assert alike
        rivals = {frozenset(c.label for c in d.candidates[:2]) for d in alike}
        assert frozenset({"picture 0", "text 0"}) in rivals
