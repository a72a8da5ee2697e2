"""Pictures that look like a class and aren't of it: near to them the class refuses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ClassNotFoundError, DuplicateImageError, ExampleNotFoundError
from engine.gallery import Gallery, decide_queries
from engine.gallery.deciding.evidence import calibrate
from engine.gallery.deciding.left_out import scores_of_counterexamples
from engine.gallery.deciding.refusing import NEARER, refusing
from engine.gallery.snapshot import CounterexampleTable, Snapshot
from engine.projections import Projection
from engine.types import Decision, FloatArray, Ranking, Reason, Reject, Space
from tests.gallery.conftest import example, unit

DIMENSION = 64
SPACE = Space("made by hand", "w" * 64, "p" * 64, DIMENSION)


def near(first: FloatArray, other: FloatArray, share: float) -> FloatArray:
    """A unit vector on the way from one to another."""
    mixed = (1 - share) * first + share * other
    return (mixed / np.linalg.norm(mixed)).astype(np.float32)


CUP, MUG = unit(1, DIMENSION), near(unit(1, DIMENSION), unit(2, DIMENSION), 0.5)
FALSE_CUP = near(CUP, unit(3, DIMENSION), 0.25)
SIMILAR = near(FALSE_CUP, unit(4, DIMENSION), 0.05)
"""Another view of what is no cup."""


@pytest.fixture
def gallery(tmp_path: Path) -> Iterator[Gallery]:
    with Gallery.create(tmp_path / "g.gallery", space=SPACE, poll_seconds=0.0) as made:
        made.enroll([example("cup", 1, vector=CUP), example("mug", 2, vector=MUG)])
        made.enroll([example(f"thing {n}", n, vector=unit(n, DIMENSION)) for n in range(10, 30)])
        made.thresholds.set_target_fpir(0.2)
        yield made


def decide(gallery: Gallery, vector: FloatArray) -> Decision:
    snapshot = gallery.snapshot()
    [decision] = decide_queries(snapshot, snapshot.projection.apply_queries(vector[None]), ["q"])
    return decision


def reject(
    gallery: Gallery, vector: FloatArray = FALSE_CUP, label: str = "cup", seed: int = 90
) -> int:
    return gallery.counterexamples.add(example("", seed, vector=vector), label).id


def test_near_a_counterexample_the_class_refuses_at_once_and_it_can_be_taken_back(
    gallery: Gallery,
) -> None:
    before = decide(gallery, SIMILAR)
    assert before.label == "cup"
    counterexample = reject(gallery)
    refused = decide(gallery, SIMILAR)
    assert refused.label != "cup"
    [refusal] = refused.refused
    assert (refusal.label, refusal.counterexample_id) == ("cup", counterexample)
    assert refusal.similarity == pytest.approx(float(SIMILAR @ CUP), abs=1e-5)
    assert refusal.counterexample_similarity == pytest.approx(float(SIMILAR @ FALSE_CUP), abs=1e-5)
    assert "cup" not in {candidate.label for candidate in refused.candidates}
    assert refused.to_json()["refused"] == [refusal.to_json()]
    assert decide(gallery, CUP).label == "cup"  # the enrolled picture itself
    gallery.counterexamples.remove([counterexample], "cup")
    assert decide(gallery, SIMILAR) == before


def test_another_class_may_win(gallery: Gallery) -> None:
    false_mug = near(MUG, CUP, 0.6)
    assert decide(gallery, false_mug).candidates[0].label == "cup"
    reject(gallery, near(false_mug, unit(5, DIMENSION), 0.02))
    assert decide(gallery, false_mug).label == "mug"


def test_where_no_class_is_left_it_is_unknown_and_says_so(tmp_path: Path) -> None:
    with Gallery.create(tmp_path / "one.gallery", space=SPACE, poll_seconds=0.0) as gallery:
        gallery.enroll([example("cup", 1, vector=CUP)])
        reject(gallery)
        decision = decide(gallery, SIMILAR)
        assert (decision.label, decision.reason) == (None, Reason.REFUSED)
        assert (decision.similarity, decision.score, decision.candidates) == (None, None, ())
        assert [refusal.label for refusal in decision.refused] == ["cup"]
        assert decide(gallery, unit(50, DIMENSION)).reason is Reason.BELOW_THRESHOLD


def test_other_processes_know_of_it_as_well(gallery: Gallery) -> None:
    with Gallery.open(gallery.location.path, poll_seconds=0.0) as other:  # type: ignore[union-attr]
        assert decide(other, SIMILAR).label == "cup"
        counterexample = reject(gallery)
        assert [r.label for r in decide(other, SIMILAR).refused] == ["cup"]
        gallery.classes.rename("cup", "tea cup")
        assert [r.label for r in decide(other, SIMILAR).refused] == ["tea cup"]
        gallery.counterexamples.remove([counterexample])
        assert decide(other, SIMILAR).label == "tea cup"
        reject(gallery, label="tea cup")
        gallery.classes.remove("tea cup")
        assert len(other.snapshot().counterexamples) == 0


def test_a_picture_is_no_example_and_counterexample_of_one_class(gallery: Gallery) -> None:
    with pytest.raises(DuplicateImageError, match="enrolled as example 1 of 'cup'"):
        reject(gallery, CUP, seed=1)
    counterexample = reject(gallery)
    refused, elsewhere = gallery.enroll(
        [example("cup", 90, vector=FALSE_CUP), example("false cup", 90, vector=FALSE_CUP)]
    )
    assert isinstance(refused, Reject)
    assert f"said not to show 'cup' (counterexample {counterexample})" in refused.reason
    assert f"--undo {counterexample}" in refused.reason
    assert not isinstance(elsewhere, Reject)  # of another class it may well be an example
    assert decide(gallery, SIMILAR).label == "false cup"
    gallery.counterexamples.remove([counterexample])
    [taken] = gallery.enroll([example("cup", 90, vector=FALSE_CUP)], allow_duplicates=True)
    assert not isinstance(taken, Reject)


def test_what_is_not_there_is_said(gallery: Gallery) -> None:
    with pytest.raises(ClassNotFoundError):
        reject(gallery, label="bowl")
    counterexample = reject(gallery)
    assert reject(gallery) == counterexample
    with pytest.raises(ExampleNotFoundError, match=r"'mug' has no counterexample .*: none"):
        gallery.counterexamples.remove([counterexample], "mug")
    assert [each.id for each in gallery.counterexamples.listed("cup")] == [counterexample]
    assert gallery.counterexamples.listed("mug") == []
    assert gallery.describe().counterexamples == 1
    assert gallery.check() == []


def test_in_an_adapted_space_counterexamples_are_queries(gallery: Gallery) -> None:
    rng = np.random.default_rng(0)
    matrix = np.linalg.qr(rng.normal(size=(DIMENSION, DIMENSION)))[0].astype(np.float32)
    shift = (0.3 * unit(7, DIMENSION)).astype(np.float32)
    nothing = np.zeros(DIMENSION, np.float32)
    reject(gallery)
    gallery.spaces.project(Projection("adapted", nothing, matrix, shift))
    snapshot = gallery.snapshot()
    np.testing.assert_allclose(
        snapshot.counterexamples.vectors,
        snapshot.projection.apply_queries(FALSE_CUP[None]),
        atol=1e-6,
    )
    assert [refusal.label for refusal in decide(gallery, SIMILAR).refused] == ["cup"]


def test_they_are_exported_and_come_back(gallery: Gallery, tmp_path: Path) -> None:
    picture = example("", 90, vector=FALSE_CUP, picture=b"a picture")
    gallery.counterexamples.add(picture, "cup")
    assert gallery.export(tmp_path / "g.parquet") == 22
    with Gallery.create_from_export(tmp_path / "copy.gallery", tmp_path / "g.parquet") as copy:
        [kept] = copy.counterexamples.listed()
        assert (kept.label, kept.source, kept.has_picture) == ("cup", picture.source, True)
        assert copy.counterexamples.picture(kept.id) == b"a picture"
        assert decide(copy, SIMILAR).refused[0].similarity == pytest.approx(
            decide(gallery, SIMILAR).refused[0].similarity
        )
        assert copy.catalog.counts().examples == 22
        copy.import_export(tmp_path / "g.parquet")
        assert len(copy.counterexamples.listed()) == 1


def test_calibrations_count_them_as_strangers_to_their_class(gallery: Gallery) -> None:
    snapshot = gallery.snapshot()
    assert not scores_of_counterexamples(snapshot).size
    reject(gallery)
    reject(gallery, MUG, seed=91)  # a mug: it says nothing about strangers
    reject(gallery, near(MUG, CUP, 0.02), seed=92)
    [score] = scores_of_counterexamples(gallery.snapshot())
    [unaware] = decide_queries(snapshot, FALSE_CUP[None], ["q"])
    assert score > 0
    assert unaware.label == "cup"
    gallery.thresholds.calibrate()
    assert gallery.snapshot().calibration.evidence["counterexamples"] == 1
    strangers = np.stack([unit(n, DIMENSION) for n in range(200, 240)])
    given_ones = calibrate(gallery.snapshot(), generation=0, strangers=strangers)
    assert given_ones.evidence == {"strangers": 40, "counterexamples": 1}


@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(1, 6))
def test_a_class_refuses_exactly_where_the_rule_says(seed: int, queries: int, many: int) -> None:
    """Against the rule worked out pair by pair, in float64."""
    rng = np.random.default_rng(seed)

    def units(n: int) -> FloatArray:
        rows = rng.normal(size=(n, 6))
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    examples, asked, others = units(8), units(queries), units(many)
    others[: queries // 2] = asked[: queries // 2][: len(others)]
    owners = rng.integers(0, 8, len(others))
    snapshot = Snapshot.in_memory(
        space=Space("s", "w", "p", 6),
        projection=Projection.identity(6),
        example_ids=np.arange(8),
        class_ids=np.arange(8),
        embeddings=examples,
        labels={n: str(n) for n in range(8)},
        shipped=np.empty((0, 6), np.float32),
        target_fpir=0.05,
    )
    table = CounterexampleTable(np.arange(100, 100 + many), owners.astype(np.int64), others)
    rankings = snapshot.rank(asked, 8)
    found: list[Ranking] = refusing(replace(snapshot, counterexamples=table), asked, rankings)
    for query, ranking in zip(asked.astype(np.float64), found, strict=True):
        refused = set()
        for owner, other in zip(owners.tolist(), others.astype(np.float64), strict=True):
            distance, own = 1 - query @ other, 1 - query @ examples[owner].astype(np.float64)
            if abs(distance - NEARER * own) > 1e-6 and distance < NEARER * own:
                refused.add(owner)
        assert {refusal.class_id for refusal in ranking.refused} == refused
        assert set(ranking.class_ids.tolist()) == set(range(8)) - refused
        assert (np.diff(ranking.similarities) <= 0).all()
