"""Projections against NumPy and against hand-made cases."""

import numpy as np
import pytest

from engine.projections import Projection


def test_identity_leaves_embeddings_as_they_are() -> None:
    vectors = np.eye(4, dtype=np.float32)

    assert Projection.identity(4).apply(vectors) is vectors
    assert Projection.identity(4).id == "identity"


def test_a_projection_centres_maps_and_normalises() -> None:
    mean = np.array([1.0, 0.0], np.float32)
    matrix = np.array([[0.0, 2.0], [3.0, 0.0]], np.float32)
    projection = Projection("test", mean, matrix)

    # ([2, 1] - [1, 0]) @ matrix = [3, 2], of length sqrt(13).
    [[x, y]] = projection.apply(np.array([[2.0, 1.0]], np.float32))

    assert (x, y) == pytest.approx((3 / 13**0.5, 2 / 13**0.5))


def test_an_embedding_on_the_mean_still_gives_a_unit_row() -> None:
    projection = Projection("test", np.ones(2, np.float32), np.eye(2, dtype=np.float32))

    assert projection.apply(np.ones((1, 2), np.float32)).tolist() == [[1.0, 0.0]]


def test_bytes_bring_it_back_and_the_id_tells_projections_apart() -> None:
    random = np.random.default_rng(0)
    projection = Projection("test", *_random(random))

    again = Projection.from_bytes(projection.to_bytes())

    assert again.id == projection.id
    assert np.array_equal(again.matrix, projection.matrix)
    assert Projection("test", *_random(random)).id != projection.id


def _random(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return (
        random.normal(size=6).astype(np.float32),
        random.normal(size=(6, 3)).astype(np.float32),
    )
