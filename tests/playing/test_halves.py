"""Levers that learn from queries are judged on others."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.errors import TrainingError
from engine.evaluation import comparing, levers
from engine.evaluation.comparing import compare
from engine.evaluation.levers import ADAPTED, BASELINE, OWN, TAUGHT_HEAD, learning_levers
from engine.playing.enrolled import Enrolled
from engine.playing.halves import in_first_half, play_halves
from engine.playing.play import Match, play
from engine.playing.scorers import OwnRule
from engine.tuning import heads
from engine.types import Space

DIMENSION, CLASSES = 16, 120
SPACE = Space("made", "w" * 64, "p" * 64, DIMENSION)


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def world(left_out: bool = False) -> tuple[Enrolled, Match]:
    """Half of the components tell things apart, the others are another in each picture."""
    random = np.random.default_rng(1)
    things = random.normal(size=(2 * CLASSES, DIMENSION // 2))

    def pictures(rows: slice) -> np.ndarray:
        true = things[rows]
        return unit(np.hstack([true + 0.3 * random.normal(size=true.shape),
                               1.2 * random.normal(size=true.shape)]))  # fmt: skip

    labels = [f"{n:03}" for n in range(CLASSES)]
    enrolled = Enrolled.in_memory(pictures(slice(0, CLASSES)), labels, SPACE, target_fpir=0.05)
    queries = np.concatenate([pictures(slice(0, CLASSES)), pictures(slice(CLASSES, None))])
    classes = np.concatenate([enrolled.class_ids, np.full(CLASSES, -1)])
    return enrolled, Match(queries, classes, np.arange(2 * CLASSES), left_out)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(heads, "PAIRS", 800)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # problems this small are slower on two
    yield
    torch.set_num_threads(threads)


def test_no_query_is_scored_by_what_saw_its_label() -> None:
    enrolled, match = world()
    learned: list[set[bytes]] = []
    scored: list[set[bytes]] = []

    class Noting(OwnRule):
        def scores(self, queries, rankings, target_fpir):
            scored[-1] |= {row.tobytes() for row in queries}
            return super().scores(queries, rankings, target_fpir)

    def learn(seen: Match) -> Noting:
        learned.append({row.tobytes() for row in seen.embeddings})
        scored.append(set())
        return Noting(enrolled.snapshot)

    trials = play_halves(match, learn, 0.05)
    everyone = {row.tobytes() for row in match.embeddings}
    assert len(learned) == 2
    for seen, asked in zip(learned, scored, strict=True):
        assert not seen & asked
        assert seen | asked == everyone
    assert in_first_half(match).sum() == CLASSES
    whole = play(match, OwnRule(enrolled.snapshot), 0.05)
    np.testing.assert_array_equal(trials.known.queries, whole.known.queries)
    np.testing.assert_array_equal(trials.known.scores, whole.known.scores)
    np.testing.assert_array_equal(trials.known.genuine, whole.known.genuine)
    np.testing.assert_array_equal(trials.strangers.scores, whole.strangers.scores)
    np.testing.assert_array_equal(trials.strangers.groups, whole.strangers.groups)


def test_labels_are_not_torn_apart() -> None:
    _, match = world()
    groups = np.arange(2 * CLASSES) // 4
    first = in_first_half(Match(match.embeddings, match.classes, groups, False))
    assert all(np.unique(first[groups == group]).size == 1 for group in range(60))


def test_a_head_taught_by_other_classes_ranks_better() -> None:
    enrolled, match = world()
    comparison = compare(enrolled, match)
    rows = {row.lever.name: row.figures for row in comparison.rows}
    assert [row.lever for row in comparison.rows] == [BASELINE, ADAPTED, TAUGHT_HEAD, OWN]
    gain = rows[TAUGHT_HEAD.name]["top_1"].value - rows[OWN.name]["top_1"].value
    assert gain > 0.05
    assert rows[TAUGHT_HEAD.name]["calibration_error"].value < 0.15
    assert rows[OWN.name]["calibration_error"].refused == "no Siamese head is in force"


def test_left_out_classes_are_played_in_halves_too() -> None:
    enrolled, match = world(left_out=True)
    trials = ADAPTED.play(enrolled, match.take(np.flatnonzero(match.classes >= 0)))
    np.testing.assert_array_equal(trials.known.queries, np.arange(CLASSES))
    np.testing.assert_array_equal(trials.strangers.groups, enrolled.class_ids)


def test_too_few_queries_teach_nothing() -> None:
    enrolled, match = world()
    assert learning_levers(enrolled, match.take(np.arange(70))) == []
    assert learning_levers(enrolled, match.take(np.arange(90))) == [ADAPTED]


def test_a_lever_that_can_learn_nothing_is_left_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise TrainingError("too alike")

    monkeypatch.setattr(levers, "fitted_head", refuse)
    enrolled, match = world()
    comparison = comparing.compare(enrolled, match, [BASELINE, TAUGHT_HEAD, OWN])
    assert [row.lever for row in comparison.rows] == [BASELINE, OWN]
    assert "too alike" in caplog.text
