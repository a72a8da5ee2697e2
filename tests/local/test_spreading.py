"""Points are kept for their strength and for where they lie."""

import numpy as np

from engine.local.spreading import CELLS, spread


def test_all_are_kept_strongest_first_where_there_are_few() -> None:
    places = np.random.default_rng(0).random((5, 2)).astype(np.float32)
    strengths = np.array([0.3, 0.9, 0.1, 0.9, 0.5], np.float32)
    assert spread(places, strengths, 10).tolist() == [1, 3, 4, 0, 2]


def test_half_are_the_strongest_and_the_others_come_from_all_over() -> None:
    random = np.random.default_rng(1)
    crowd = random.uniform(0.0, 0.1, (100, 2))  # all in the first cell
    cells = (np.stack(np.meshgrid(np.arange(CELLS), np.arange(CELLS)), -1).reshape(-1, 2) + 0.5) / 8
    places = np.concatenate([crowd, cells]).astype(np.float32)
    strengths = np.concatenate([np.linspace(2, 1, 100), np.full(64, 0.1)]).astype(np.float32)
    kept = spread(places, strengths, 100)
    assert kept[:50].tolist() == list(range(50))
    assert set(kept[50:]) <= set(range(101, 164))  # the strongest of other cells come first
    assert len(set(kept.tolist())) == 100
