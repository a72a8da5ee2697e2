"""The table over kinds, on made pictures and figures counted by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.kinds import Kind, Row, enrolled_rows, measured, table, write_json
from benchmarks.kinds import _shares as shares
from tests.conftest import quarters


@pytest.fixture
def kind(tmp_path: Path) -> Kind:
    """Eight classes, whose queries are their catalog pictures, smaller; one more has no picture."""
    root = tmp_path / "made"
    (root / "catalog").mkdir(parents=True)
    for number in range(8):
        (root / "queries" / f"thing {number}").mkdir(parents=True)
        quarters(number, 64).save(root / "catalog" / f"thing {number}.png")
        quarters(number, 32).save(root / "queries" / f"thing {number}" / "0.png")
    (root / "queries" / "nobody").mkdir()
    quarters(99).save(root / "queries" / "nobody" / "0.png")
    return Kind.read(root)


def test_shares_are_what_counting_gives() -> None:
    """Four known queries, three nearest to their own class, two of those accepted."""
    figures = shares(
        first=np.array([True, True, True, False]),
        scores=np.array([3.0, 2.0, -1.0, 1.0]),
        accepted=np.array([True, True, False, True]),
        strangers=np.array([2.5, -2.0]),
        let_in=np.array([True, False]),
    )
    assert figures.top_1 == 0.75
    assert figures.auroc == pytest.approx(5 / 8)  # 3 beats both, 2 and 1 and -1 one each
    assert figures.tpir_at_1 == figures.tpir_at_5 == 0.25  # above 2.5 there is one
    assert (figures.right, figures.wrong, figures.fpir) == (0.5, 0.25, 0.5)


def test_a_split_enrolls_half_and_the_same_half_again(kind: Kind) -> None:
    rows = [enrolled_rows(kind, seed) for seed in range(20)]
    assert {len(row) for row in rows} == {4}
    assert len({tuple(row) for row in rows}) > 10
    np.testing.assert_array_equal(rows[3], enrolled_rows(kind, 3))


def test_queries_without_a_catalog_picture_are_left_out(kind: Kind) -> None:
    assert len(kind.catalog) == len(kind.queries) == 8


def test_labels_with_the_same_catalog_picture_are_one(kind: Kind) -> None:
    twin, first = kind.catalog["thing 5"], kind.catalog["thing 2"]
    twin.write_bytes(first.read_bytes())
    read = Kind.read(first.parents[1])
    assert read.labels == [label for label in kind.labels if label != "thing 5"]
    assert [path for _, path in read.queries] == [path for _, path in kind.queries]
    assert [label for label, _ in read.queries].count("thing 2") == 2


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"expected catalog/LABEL\.jpg of at least 4 classes"):
        Kind.read(tmp_path)


def test_equal_colours_are_found_and_the_table_says_so(
    kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.kinds.IMAGENET", "fake")
    rows = measured([kind], "fake", splits=2, asked=1, cache=tmp_path / "cache")
    assert [row.name for row in rows] == [
        "fake, raw cosine",
        "a fresh gallery of it",
        "as `recognize` decides",
    ]
    assert all(row.mean.top_1 == 1.0 for row in rows)
    again = measured([kind], "fake", splits=2, asked=0, cache=tmp_path / "cache")
    assert [row.mean for row in again] == [row.mean for row in rows[:2]]
    assert "100.0%" in table(rows)
    write_json(rows, [kind], "fake", tmp_path / "out.json")
    written = json.loads((tmp_path / "out.json").read_text())
    assert written["kinds"]["made"] == {"classes": 8, "queries": 8}
    assert written["rows"][0]["mean"]["top_1"] == 1.0


def test_kinds_without_strangers_have_no_figures_of_them(kind: Kind, tmp_path: Path) -> None:
    whole = Kind(kind.name, kind.catalog, kind.queries, all_enrolled=True)
    assert len(enrolled_rows(whole, 0)) == 8
    figures = shares(np.ones(2, bool), np.ones(2), np.ones(2, bool), np.empty(0), np.empty(0, bool))
    row = Row("made", "all", [figures])
    assert np.isnan(row.mean.fpir)
    assert "–" in table([row])
