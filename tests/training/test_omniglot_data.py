"""Reading Omniglot's official layout, and preparing a glyph."""

import zipfile

import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy.stats import binomtest

from benchmarks.omniglot_data import SIDE, Omniglot, OmniglotError, prepare_glyph
from benchmarks.omniglot_report import interval


def sheet(box):
    picture = Image.new("1", (105, 105), 1)
    ImageDraw.Draw(picture).rectangle(box, fill=0)
    return picture


@pytest.fixture
def unpacked(tmp_path):
    """Two alphabets of two characters by two drawers, and twenty runs of two characters."""
    folder = tmp_path / "unpacked"
    number = 0
    for part in ("images_background", "images_evaluation"):
        for alphabet in ("Beta", "Alpha"):
            for character in ("character01", "character02"):
                number += 1
                place = folder / part / alphabet / character
                place.mkdir(parents=True)
                for drawer in (1, 2):
                    box = (10 + number, 20, 40 + 5 * drawer, 60)
                    sheet(box).save(place / f"{number:04d}_{drawer:02d}.png")
    for run in range(1, 21):
        place = folder / "all_runs" / f"run{run:02d}"
        (place / "training").mkdir(parents=True)
        (place / "test").mkdir()
        lines = []
        for item, of in ((1, 2), (2, 1)):
            sheet((20, 20, 30, 40 * of)).save(place / "training" / f"class{of:02d}.png")
            sheet((25, 20, 35, 40 * of)).save(place / "test" / f"item{item:02d}.png")
            lines.append(
                f"run{run:02d}/test/item{item:02d}.png run{run:02d}/training/class{of:02d}.png"
            )
        (place / "class_labels.txt").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def zipped(unpacked, tmp_path):
    """The same as the official archives: the runs' archive holds them without a folder."""
    folder = tmp_path / "zipped"
    folder.mkdir()
    for part in ("images_background", "images_evaluation", "all_runs"):
        root = unpacked / "all_runs" if part == "all_runs" else unpacked
        with zipfile.ZipFile(folder / f"{part}.zip", "w") as archive:
            for path in sorted((unpacked / part).rglob("*")):
                if path.is_file():
                    archive.write(path, path.relative_to(root).as_posix())
    return folder


def test_characters_are_numbered_by_alphabet_and_drawer(unpacked):
    characters = Omniglot(unpacked).characters("images_background")
    assert characters.names == ("Alpha", "Beta")
    assert characters.classes.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert characters.alphabets.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert characters.drawers.tolist() == [0, 1] * 4
    assert characters.glyphs.shape == (8, SIDE, SIDE)


def test_a_subset_numbers_its_characters_anew(unpacked):
    subset = Omniglot(unpacked).characters("images_background").subset([1])
    assert subset.classes.tolist() == [0, 0, 1, 1]
    assert subset.alphabets.tolist() == [1, 1, 1, 1]


def test_zipped_and_unpacked_data_are_the_same(unpacked, zipped):
    one, other = Omniglot(unpacked), Omniglot(zipped)
    np.testing.assert_array_equal(
        one.characters("images_evaluation").glyphs, other.characters("images_evaluation").glyphs
    )
    assert one.runs() == other.runs()


def test_runs_pair_each_test_with_its_example(unpacked):
    runs = Omniglot(unpacked).runs()
    assert len(runs) == 20
    first = runs[0]
    assert [label for _, label in first.tests] == [
        "run01/training/class02.png",
        "run01/training/class01.png",
    ]
    assert set(first.examples) == {label for _, label in first.tests}
    assert first.tests[0][0] == (unpacked / "all_runs/run01/test/item01.png").read_bytes()


def test_a_missing_part_is_named(tmp_path):
    with pytest.raises(OmniglotError, match=r"expected images_background\.zip or a folder"):
        Omniglot(tmp_path).characters("images_background")
    with pytest.raises(OmniglotError, match=r"all_runs"):
        Omniglot(tmp_path).runs()


def test_a_glyph_is_the_same_wherever_it_stands_and_however_large_it_is():
    here, there = prepare_glyph(sheet((10, 10, 29, 29))), prepare_glyph(sheet((60, 50, 79, 69)))
    np.testing.assert_array_equal(here, there)
    larger = prepare_glyph(sheet((5, 5, 84, 84)))
    assert np.abs(here.astype(int) - larger).mean() < 4
    # a full square fills 1 / 1.15 of each side
    assert (here / 255).mean() == pytest.approx(1 / 1.15**2, abs=0.02)


def test_a_sheet_without_ink_is_an_empty_glyph():
    assert not prepare_glyph(Image.new("1", (105, 105), 1)).any()


def test_the_interval_is_wilsons():
    expected = binomtest(95, 100).proportion_ci(method="wilson")
    assert interval(95, 100) == pytest.approx((expected.low, expected.high), abs=1e-6)
