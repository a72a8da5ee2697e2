"""A gallery's Siamese head: re-ranking, verifying, and who sees it."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from engine.decision.siamese import SiameseHead
from engine.decision.trained_head import TrainedHead
from engine.gallery import Gallery, decide_queries, verify_embeddings
from engine.gallery.parts.migrating import migrate_gallery
from engine.gallery.snapshot.reranking import RERANKED, rerank
from engine.indexes import SketchedIndex
from engine.projections import Projection
from engine.types import Ranking
from tests.gallery.conftest import SPACE, example, unit


def trained(weights: np.ndarray, bias: float = 0.0, *, active: bool = True) -> TrainedHead:
    return TrainedHead(
        siamese=SiameseHead(weights.astype(np.float32), bias),
        active=active,
        least_probability=0.6,
        method="a test",
        classes=6,
        generation=1,
        created_at=datetime.now(UTC),
    )


def axes(*components: float) -> np.ndarray:
    """The unit vector along the first components given."""
    vector = np.zeros(SPACE.dimension, np.float32)
    vector[: len(components)] = components
    return vector / np.linalg.norm(vector)


# The first component tells classes apart, the second one differs from picture to picture.
QUERY = axes(1.0, 0.6)
CUP, BOWL = axes(1.0, -0.2), axes(0.6, 0.9)
HEAD = trained(np.array([-20.0, 0, 0, 0, 0, 0, 0, 0]), 3.0)


@pytest.fixture
def shop(gallery: Gallery) -> Gallery:
    gallery.enroll(
        [example("cup", 1, vector=CUP), example("bowl", 2, vector=BOWL), example("fork", 3)]
    )
    return gallery


def first_label(gallery: Gallery, query: np.ndarray = QUERY) -> str:
    [decision] = decide_queries(gallery.snapshot(), query[None], ["query"])
    return decision.candidates[0].label


def test_the_head_puts_its_class_first_and_similarities_stay_cosines(shop: Gallery) -> None:
    assert float(QUERY @ BOWL) > float(QUERY @ CUP)
    assert first_label(shop) == "bowl"
    shop.heads.use(HEAD, shop.snapshot().space_id)
    [decision] = decide_queries(shop.snapshot(), QUERY[None], ["query"])
    assert [candidate.label for candidate in decision.candidates[:2]] == ["cup", "bowl"]
    assert decision.similarity == pytest.approx(float(QUERY @ CUP), abs=1e-6)
    assert decision.margin == pytest.approx(float(QUERY @ CUP - QUERY @ BOWL), abs=1e-6)
    assert "Siamese head" in decision.calibration


def test_an_enrolled_picture_itself_stays_first(shop: Gallery) -> None:
    upside_down = trained(np.full(SPACE.dimension, 50.0), -3.0)
    shop.heads.use(upside_down, shop.snapshot().space_id)
    [decision] = decide_queries(shop.snapshot(), BOWL[None], ["query"])
    assert decision.label == "bowl"


def test_a_head_not_in_force_changes_nothing(shop: Gallery) -> None:
    shop.heads.use(trained(HEAD.siamese.weights, 3.0, active=False), shop.snapshot().space_id)
    assert first_label(shop) == "bowl"
    assert verify_embeddings(shop.snapshot(), QUERY, CUP).probability is None
    assert "not in force" in str(shop.describe().siamese_head)


def test_verification_gives_the_heads_probability(shop: Gallery) -> None:
    before = verify_embeddings(shop.snapshot(), QUERY, CUP)
    assert before.probability is None
    shop.heads.use(HEAD, shop.snapshot().space_id)
    found = verify_embeddings(shop.snapshot(), QUERY, CUP)
    expected = 1 / (1 + np.exp(20.0 * abs(float(QUERY[0] - CUP[0])) - 3.0))
    assert found.probability == pytest.approx(expected, abs=1e-5)
    assert found.same is True  # 0.63, from 0.6 on
    assert found.threshold == 0.6
    assert found.similarity == before.similarity


def test_only_the_nearest_classes_change_places_by_the_sum_of_both_scores() -> None:
    random = np.random.default_rng(1)
    vectors = random.normal(size=(RERANKED + 5, 6))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    index = SketchedIndex(6)
    index.add(np.arange(len(vectors)), vectors)
    query, head = vectors[0] * 0.8 + vectors[1] * 0.2, SiameseHead(-random.random(6), 0.5)
    query = (query / np.linalg.norm(query)).astype(np.float32)
    order = np.argsort(-(vectors @ query), kind="stable")
    before = Ranking(order + 100, order, (vectors @ query)[order])
    [after] = rerank(head, index, query[None], [before])
    np.testing.assert_array_equal(after.example_ids[RERANKED:], before.example_ids[RERANKED:])
    np.testing.assert_array_equal(after.class_ids, after.example_ids + 100)
    np.testing.assert_allclose(after.similarities, vectors[after.example_ids] @ query, atol=1e-6)
    cosine = before.similarities[:RERANKED].astype(np.float64)
    logits = -np.abs(vectors[order[:RERANKED]] - query) @ -head.weights + 0.5
    both = (cosine - cosine.mean()) / cosine.std() + (logits - logits.mean()) / logits.std()
    np.testing.assert_array_equal(after.example_ids[:RERANKED], order[np.argsort(-both)])


def test_a_candidate_that_was_just_removed_leaves_the_order_as_it_was() -> None:
    index = SketchedIndex(2)
    index.add(np.array([1]), np.eye(2, dtype=np.float32)[:1])
    ranking = Ranking(np.array([5, 6]), np.array([1, 2]), np.array([0.5, 0.4], np.float32))
    head = SiameseHead(np.ones(2, np.float32), 0.0)
    assert rerank(head, index, np.eye(2, dtype=np.float32)[:1], [ranking]) == [ranking]


def test_another_view_of_the_gallery_follows(shop: Gallery) -> None:
    with Gallery.open(shop.location.path, poll_seconds=0.0) as other:  # type: ignore[union-attr]
        assert first_label(other) == "bowl"
        shop.heads.use(HEAD, shop.snapshot().space_id)
        assert first_label(other) == "cup"
        shop.heads.use(None, shop.snapshot().space_id)
        assert first_label(other) == "bowl"
        assert other.describe().siamese_head is None


READER = """
import sys
from engine.gallery import Gallery
with Gallery.open(sys.argv[1]) as gallery:
    print("open", flush=True)
    for line in sys.stdin:
        head = gallery.snapshot().head
        print(None if head is None else head.method, flush=True)
"""


def test_another_process_sees_the_head_within_a_second(shop: Gallery) -> None:
    path = str(shop.location.path)  # type: ignore[union-attr]
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    with reader:
        assert reader.stdin is not None
        assert reader.stdout is not None

        def asked() -> str:
            reader.stdin.write("?\n")
            reader.stdin.flush()
            return reader.stdout.readline().strip()

        assert reader.stdout.readline().strip() == "open"
        assert asked() == "None"
        shop.heads.use(HEAD, shop.snapshot().space_id)
        import time

        time.sleep(0.5)  # twice the poll interval
        assert asked() == "a test"
        reader.stdin.close()
        assert reader.wait(timeout=30) == 0


def test_a_change_of_space_suspends_it_and_the_way_back_brings_it_back(
    shop: Gallery, caplog: pytest.LogCaptureFixture
) -> None:
    shop.heads.use(HEAD, shop.snapshot().space_id)
    mean = np.full(SPACE.dimension, 0.1, np.float32)
    matrix = np.eye(SPACE.dimension, dtype=np.float32)
    shop.spaces.project(Projection("adapted", mean, matrix, mean))
    assert "Siamese head is suspended" in caplog.text
    assert shop.snapshot().head is None
    assert str(shop.describe().siamese_head).startswith("suspended")
    shop.spaces.project(None)
    assert shop.snapshot().head is not None
    assert first_label(shop) == "cup"


def test_it_goes_with_backups_exports_and_migrations(shop: Gallery, tmp_path: Path) -> None:
    shop.heads.use(HEAD, shop.snapshot().space_id)
    shop.backup(tmp_path / "backup.gallery")
    shop.export(tmp_path / "export.parquet")
    Gallery.create_from_export(tmp_path / "imported.gallery", tmp_path / "export.parquet").close()
    migrate_gallery(shop.location.path, tmp_path / "migrated.gallery")  # type: ignore[union-attr]
    for name in ("backup", "imported", "migrated"):
        with Gallery.open(tmp_path / f"{name}.gallery") as copy:
            assert first_label(copy) == "cup"
            assert copy.snapshot().head is not None


def test_its_decisions_are_the_same_whatever_it_was_asked_with(shop: Gallery) -> None:
    shop.heads.use(HEAD, shop.snapshot().space_id)
    queries = np.stack([unit(seed) for seed in range(90, 190)])
    together = decide_queries(shop.snapshot(), queries, ["q"] * len(queries))
    alone = [decide_queries(shop.snapshot(), query[None], ["q"])[0] for query in queries]
    assert together == alone
