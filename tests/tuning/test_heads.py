"""Training a gallery's Siamese head: on what, judged how, in force when."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from engine.decision.siamese import SiameseHead
from engine.errors import TrainingError
from engine.evaluation.explanation.explain import explain
from engine.evaluation.report.writing import write_report
from engine.metrics.figures import Figure
from engine.recognizer import Recognizer
from engine.testing.fake_backbone import FakeBackbone
from engine.tuning import heads
from engine.tuning.head_evidence import HeadEvidence
from engine.tuning.head_judging import Judgement, Versus, judge

CLASSES = 60


@pytest.fixture(autouse=True)
def few_pairs(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(heads, "PAIRS", 800)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # problems this small are slower on two
    yield
    torch.set_num_threads(threads)


def picture(thing: int, number: int, *, misleading: bool = True) -> np.ndarray:
    """The upper half tells the thing, the lower half is another in each picture of it."""
    upper = np.random.default_rng([1, thing]).integers(30, 226, (1, 2, 3))
    random = np.random.default_rng([2, thing, number])
    upper = upper + random.integers(-30, 31, upper.shape)
    lower = random.integers(0, 256, (1, 2, 3))
    if not misleading:
        lower = np.full((1, 2, 3), 128)
    pixels = np.concatenate([upper, lower]).astype(np.uint8)
    return pixels.repeat(8, axis=0).repeat(8, axis=1)


def labelled(
    things: range, number: int, *, misleading: bool = True
) -> list[tuple[str, np.ndarray]]:
    return [(f"thing {t}", picture(t, number, misleading=misleading)) for t in things]


@pytest.fixture
def shop(recognizer: Recognizer) -> Recognizer:
    recognizer.enroll_catalog(labelled(range(CLASSES), 0))
    return recognizer


def test_a_head_that_beats_cosine_on_unseen_classes_comes_into_force(shop: Recognizer) -> None:
    report = shop.train_head(labelled(range(40), 1))
    assert report.active
    assert report.method == "labelled pictures and enrolled ones"
    assert (report.classes, report.pictures) == (40, 80)
    assert report.judgement.real
    assert (report.judgement.classes, report.judgement.queries) == (40, 40)
    for name in ("auroc", "eer", "top_1"):
        versus = report.judgement.figures[name]
        sign = -1 if name == "eer" else 1
        gain = sign * ((versus.head.value or 0) - (versus.cosine.value or 0))
        assert versus.gain.value == pytest.approx(gain)
        assert gain > 0
    # Things that were in neither training nor judging:
    right = {False: 0, True: 0}
    for used in (True, False):
        if not used:
            assert shop.remove_head()
        for label, pixels in labelled(range(40, 60), 1):
            right[used] += shop.recognize(pixels).candidates[0].label == label
    assert right[True] > right[False]


def test_the_upper_half_weighs_more_than_the_lower(shop: Recognizer) -> None:
    shop.train_head(labelled(range(40), 1))
    head = shop.gallery.snapshot().kept_head
    assert head is not None
    weights = head.siamese.weights.reshape(4, 4)[:, :3]  # quarters, colours
    assert weights[:2].mean() < 3 * min(weights[2:].mean(), 0)


def test_a_head_that_is_no_better_is_kept_but_not_put_in_force(recognizer: Recognizer) -> None:
    recognizer.enroll_catalog(labelled(range(30), 0, misleading=False))
    report = recognizer.train_head(labelled(range(30), 1, misleading=False))
    assert report.judgement.real
    assert not report.judgement.better
    assert not report.active
    assert "isn't better than cosine beyond chance" in report.verdict
    assert recognizer.gallery.snapshot().head is None
    assert recognizer.gallery.snapshot().kept_head is not None


def test_augmented_views_alone_put_nothing_in_force_unless_asked(shop: Recognizer) -> None:
    report = shop.train_head()
    assert report.method == "augmented views of enrolled pictures"
    assert not report.judgement.real
    assert not report.active
    assert "--activate" in report.verdict
    assert report.judgement.figures["auroc"].head.value is not None
    report = shop.train_head(activate=True)
    assert report.active
    assert "because that was asked for" in report.verdict
    assert shop.gallery.snapshot().head is not None


def test_a_worse_head_leaves_the_former_one_in_force(shop: Recognizer) -> None:
    shop.train_head(labelled(range(40), 1))
    former = shop.gallery.snapshot().kept_head
    report = shop.train_head()
    assert report.active
    assert "the former head stays in force" in report.verdict
    assert shop.gallery.snapshot().kept_head is former


def test_classes_with_several_enrolled_pictures_are_real_evidence(shop: Recognizer) -> None:
    shop.enroll_catalog(labelled(range(50), 1))
    report = shop.train_head()
    assert report.judgement.real
    assert report.judgement.classes == 50
    assert report.classes == CLASSES
    assert report.active


def test_labels_need_not_be_enrolled(shop: Recognizer) -> None:
    strange = labelled(range(100, 140), 0) + labelled(range(100, 140), 1)
    report = shop.train_head(strange)
    assert report.method == "labelled pictures"
    assert report.classes == 40


def test_copies_make_no_genuine_pairs(shop: Recognizer) -> None:
    with pytest.raises(TrainingError, match=r"2 different pictures.*of 60 classes none has"):
        shop.train_head(labelled(range(CLASSES), 0))
    twice = labelled(range(100, 110), 0) * 2
    with pytest.raises(TrainingError, match="2 different pictures"):
        shop.train_head(twice)


@pytest.mark.parametrize("things", [range(1), range(5)])
def test_too_few_classes_are_refused(shop: Recognizer, things: range) -> None:
    with pytest.raises(TrainingError, match=f"at least 6 classes.*got {len(things)}"):
        shop.train_head(labelled(things, 1))


def test_an_empty_gallery_and_empty_data_are_refused(
    recognizer: Recognizer, tmp_path: Path
) -> None:
    with pytest.raises(TrainingError, match="neither"):
        recognizer.train_head()
    (tmp_path / "empty").mkdir()
    with pytest.raises(TrainingError, match="none"):
        recognizer.train_head(tmp_path / "empty")


@pytest.fixture
def without_pictures(tmp_path: Path) -> Iterator[Recognizer]:
    place = tmp_path / "bare.gallery"
    with Recognizer.open(
        place, create=True, backbone=FakeBackbone(), keep_pictures="none"
    ) as opened:
        yield opened


def test_a_gallery_that_keeps_no_pictures_says_what_to_do(without_pictures: Recognizer) -> None:
    without_pictures.enroll_catalog(labelled(range(10), 0))
    with pytest.raises(TrainingError, match=r"kept pictures.*--data"):
        without_pictures.train_head()


def test_the_same_seed_trains_the_same_head(shop: Recognizer) -> None:
    trained = []
    for seed in (4, 4, 5):
        shop.train_head(labelled(range(20), 1), seed=seed, activate=True)
        head = shop.gallery.snapshot().kept_head
        assert head is not None
        trained.append(head.siamese.to_bytes())
    assert trained[0] == trained[1] != trained[2]


def two_of_each(classes: int = 30) -> HeadEvidence:
    random = np.random.default_rng(0)
    centres = random.normal(size=(classes, 8))
    rows = np.repeat(np.arange(classes), 2)
    vectors = centres[rows] + random.normal(size=(2 * classes, 8))
    unit = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return HeadEvidence(unit, rows, np.ones(2 * classes, np.bool_), "made")


def test_the_figures_are_those_of_scikit_learn_on_the_pairs_judged() -> None:
    evidence = two_of_each()
    head = SiameseHead(np.linspace(-6, -1, 8).astype(np.float32), 2.0)
    seen: list[set[int]] = []

    def train(vectors: np.ndarray, classes: np.ndarray) -> SiameseHead:
        seen.append(set(classes.tolist()))
        return head

    judgement = judge(evidence, train)
    folds = [set(range(30)) - training for training in seen]
    assert sorted(number for fold in folds for number in fold) == list(range(30))
    genuine = np.arange(0, 60, 2)
    own = head.probability(evidence.vectors[genuine], evidence.vectors[genuine + 1])
    # All impostor pairs within the folds; those drawn are a sample of them.
    others = [
        head.probability(evidence.vectors[2 * a + 1], evidence.vectors[2 * b])[0]
        for fold in folds for a in fold for b in fold if a != b
    ]  # fmt: skip
    truth = np.r_[np.ones(30), np.zeros(len(others))]
    expected = roc_auc_score(truth, np.r_[own, others])
    assert judgement.figures["auroc"].head.value == pytest.approx(expected, abs=0.02)
    assert judgement.queries == 30
    assert np.quantile(others, 0.97) < judgement.least_probability <= max(others)


def versus(gain: float, low: float) -> Versus:
    return Versus(Figure(0.5, 0.4, 0.6), Figure(0.5, 0.4, 0.6), Figure(gain, low, gain + 0.1))


@pytest.mark.parametrize(
    ("auroc", "top_1", "better"),
    [
        ((0.02, 0.01), (0.0, -0.01), True),
        ((0.0, 0.0), (0.03, 0.01), True),
        ((0.02, -0.001), (0.03, -0.001), False),
        ((0.02, 0.01), (-0.01, -0.03), False),
        ((-0.001, -0.01), (0.03, 0.01), False),
    ],
)
def test_better_means_beyond_chance_in_one_and_worse_in_neither(auroc, top_1, better) -> None:
    figures = {"auroc": versus(*auroc), "eer": versus(0, 0), "top_1": versus(*top_1)}
    assert Judgement(True, 9, 9, figures, 0.5).better is better


def test_the_report_shows_how_far_the_probabilities_hold(shop: Recognizer, tmp_path: Path) -> None:
    queries = labelled(range(40, 60), 1)
    before = shop.evaluate(queries)
    assert before.figures["calibration_error"].refused == "no Siamese head is in force"
    shop.train_head(labelled(range(40), 1))
    after = shop.evaluate(queries, compare=True)
    known = after.result.trials.known
    told = np.concatenate([known.genuine_probabilities, known.impostor_probabilities])
    true = np.arange(told.size) < len(known)
    place = np.clip(np.ceil(told * 10) - 1, 0, 9)
    expected = (
        sum(abs(told[place == b].sum() - true[place == b].sum()) for b in range(10)) / told.size
    )
    assert after.figures["calibration_error"].value == pytest.approx(expected)
    assert known.genuine_probabilities[0] == pytest.approx(
        shop.verify(queries[0][1], picture(40, 0)).probability, abs=1e-5
    )
    assert "without the Siamese head" in [row.lever.name for row in after.comparison.rows]
    written = write_report(after, shop.gallery, tmp_path / "report")
    assert (tmp_path / "report" / "probability.png").stat().st_size > 5000
    assert "mean 80 %?" in written.page.read_text()


def test_an_explanation_says_that_a_head_is_in_force(shop: Recognizer) -> None:
    shop.train_head(labelled(range(40), 1))
    query = picture(50, 1)
    found = explain(shop.gallery, shop.features, query)
    assert any("A Siamese head is in force" in sentence for sentence in found.sentences())
    first = found.candidates[0]
    shown = shop.gallery.catalog.picture(first.candidate.example_id)
    assert first.probability == pytest.approx(shop.verify(query, shown).probability, abs=0.02)
    shop.remove_head()
    found = explain(shop.gallery, shop.features, query)
    assert not any("Siamese" in sentence for sentence in found.sentences())
