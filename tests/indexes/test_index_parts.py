"""The parts that indexes are built of."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from engine.indexes import SketchedIndex, save_index
from engine.indexes.checksums import row_checksums
from engine.indexes.compaction import Limits
from engine.indexes.fit import Fit
from engine.indexes.rows import Rows
from engine.indexes.scan import MATRIX_ERROR
from engine.indexes.sketch import Sketch
from engine.testing.vectors import unit_rows


def test_a_rows_checksum_is_the_sum_of_its_words_times_odd_factors() -> None:
    rows = np.array([[1.0, -2.0, 0.5], [0.0, 0.0, 0.0]], np.float32)
    words = [0x3F800000, 0xC0000000, 0x3F000000]  # IEEE 754
    factors = [0x9E3779B1 * odd for odd in (1, 3, 5)]
    expected = sum(w * f for w, f in zip(words, factors, strict=True)) % 2**32
    assert row_checksums(rows).tolist() == [expected, 0]


def test_growing_copies_no_vector_and_leaves_earlier_views_alone() -> None:
    vectors = unit_rows(5000)
    views = [Rows(8)]
    for start in range(0, 5000, 7):
        ids = np.arange(start, min(start + 7, 5000))
        views.append(views[-1].append(ids, vectors[ids]))
    for earlier, later in pairwise(views):
        for ours, theirs in zip(earlier.parts, later.parts, strict=False):
            assert ours.memory is theirs.memory
    assert len(views[-1].parts) <= 4
    for view in (views[1], views[200], views[-1]):
        count = len(view)
        assert np.array_equal(view.ids(), np.arange(count))
        assert np.array_equal(np.concatenate([run for _, run in view.runs()]), vectors[:count])
    picked = np.array([4999, 0, 1023, 1024, 2048, 0])
    assert np.array_equal(views[-1].take(picked), vectors[picked])
    assert np.array_equal(views[-1].ids_of(picked), picked)


def test_rows_from_the_middle_on_keep_their_numbers() -> None:
    vectors = unit_rows(3000)
    rows = Rows(8)
    for half in np.split(np.arange(3000), 2):
        rows = rows.append(half, vectors[half])
    runs = list(rows.runs(1100))
    assert runs[0][0] == 1100
    assert np.array_equal(np.concatenate([run for _, run in runs]), vectors[1100:])
    assert max(len(batch) for batch in rows.batches(64)) == 64


def test_taking_rows_out_copies_only_the_parts_that_lose_one() -> None:
    vectors = unit_rows(4000)
    rows = Rows(8)
    for ids in np.split(np.arange(4000), 4):
        rows = rows.append(ids, vectors[ids])
    kept = rows.without(np.array([5, 1500]))
    assert len(kept) == 3998
    assert np.array_equal(kept.ids(), np.delete(np.arange(4000), [5, 1500]))
    assert np.array_equal(kept.take(np.arange(3998)), np.delete(vectors, [5, 1500], axis=0))
    assert np.shares_memory(kept.parts[-1].memory, rows.parts[-1].memory)


def test_parts_do_not_multiply_when_rows_come_and_go() -> None:
    rows, random = Rows(8), np.random.default_rng(0)
    for start in range(0, 20_000, 100):
        rows = rows.append(np.arange(start, start + 100), unit_rows(100))
        rows = rows.without(np.sort(random.choice(len(rows), 10, replace=False)))
    assert len(rows) == 200 * 90
    assert len(rows.parts) <= 33
    assert (np.diff(rows.ids()) > 0).all()


def run_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


def test_importing_the_indexes_loads_no_faiss() -> None:
    assert run_python("import sys, engine.indexes; print('faiss' in sys.modules)") == "False\n"


def test_a_small_gallery_never_loads_faiss(tmp_path: Path) -> None:
    code = f"""
import sys, pathlib, numpy as np
from engine.indexes import SketchedIndex, load_index, save_index
path = pathlib.Path({str(tmp_path)!r}, "index")
index = SketchedIndex(4)
index.add(np.arange(4), np.eye(4))
index.remove([0])
index.compact()
save_index(index, path, generation=1, commit_id="c", space="s")
index, *_ = load_index(path, space="s", dimension=4)
print(index.search(np.eye(4)[1:2], 1)[1], "faiss" in sys.modules)
"""
    assert run_python(code) == "[[1]] False\n"


def test_rows_are_compared_where_they_lie_in_many_parts_and_in_memory_for_reading_only() -> None:
    vectors = unit_rows(5000, 24)
    rows = Rows(24)
    for ids in np.split(np.arange(4000), 4):
        rows = rows.append(ids, vectors[ids])
    mapped = vectors[4000:]
    mapped.flags.writeable = False
    rows = rows.attach(np.arange(4000, 5000), mapped)
    sketch = Sketch.trained(vectors, Fit(2, 64, {}, 5000))
    picked = np.random.default_rng(3).permutation(5000)[:700]
    found = sketch.compared(rows, picked, vectors[7])
    expected = [np.dot(vectors[row].astype(np.float64), vectors[7]) for row in picked]
    np.testing.assert_allclose(found, expected, atol=MATRIX_ERROR)


@pytest.mark.parametrize("removed", [1, 31, 32, 900, 2999, 3000])
def test_a_sketch_that_has_lost_rows_and_gained_others_is_as_one_made_of_what_is_left(
    removed: int,
) -> None:
    vectors = unit_rows(3100)
    random = np.random.default_rng(removed)
    dead = np.sort(random.choice(3000, removed, replace=False))
    rows = Rows(8).append(np.arange(3000), vectors[:3000])
    empty = Sketch.trained(vectors, Fit(2, 128, {}, 3000))
    left = rows.without(dead).append(np.arange(3000, 3100), vectors[3000:])
    grown = empty.extended(rows, never).without(dead).extended(left, never)
    fresh = empty.extended(left, never)
    assert len(grown) == len(left) == 3100 - removed
    queries = vectors[::50]
    assert np.array_equal(grown.nearest(queries, 20), fresh.nearest(queries, 20))


def never() -> bool:
    return False


def test_a_sketch_is_taken_up_when_searches_have_become_worth_it(tmp_path: Path) -> None:
    made = SketchedIndex(8, limits=Limits(approximate_from=1000), background=False)
    made.add(np.arange(4000), unit_rows(4000))
    made.compact()
    save_index(made, tmp_path / "index", generation=1, commit_id="c", space="s")
    code = f"""
import sys, threading
from pathlib import Path
import numpy as np
from engine.indexes import kept_sketch, load_index
from engine.testing.vectors import unit_rows
index = load_index(Path({str(tmp_path)!r}, "index"), space="s", dimension=8)[0]
queries = unit_rows(50, seed=3)
kept_sketch.WORTH = 50 * 4000
exact = [index.search(query[None], 1)[1][0, 0] for query in queries[:49]]
print("faiss" in sys.modules)
assert index.state.sketch.at_hand(1) is None
for thread in threading.enumerate():
    if thread.name == "onelook-sketch":
        thread.join()
print(index.state.sketch.at_hand(1) is not None)
found = [index.search(query[None], 1)[1][0, 0] for query in queries[:49]]
print(np.mean(np.equal(exact, found)) > 0.9)
"""
    assert run_python(code).split() == ["False", "True", "True"]


def test_faiss_loads_with_warnings_as_errors() -> None:
    code = "import warnings; warnings.simplefilter('error'); import engine.indexes.sketch"
    assert run_python(code) == ""
