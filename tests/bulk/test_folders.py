"""Which pictures folders hold, of which classes, and what is said of the rest."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path

import pytest

from engine.bulk.folders import pictures_below
from engine.bulk.notes import ListingNotes
from engine.bulk.sources import items
from engine.recognizer import Recognizer
from tests.bulk.test_sources import labels, touch
from tests.conftest import MakePicture


def listed(source: Path) -> tuple[list[tuple[str, str]], ListingNotes]:
    """Label and relative path of each picture, and what was noticed."""
    notes = ListingNotes()
    found = [
        (item.label, str(Path(item.source).relative_to(source)))
        for item in items(source, notes=notes)
    ]
    return found, notes


def test_folders_that_link_to_each_other_end(tmp_path: Path) -> None:
    names = "abcdefgh"
    touch(tmp_path, *(f"{name}/1.jpg" for name in names))
    for here, there in itertools.permutations(names, 2):
        (tmp_path / here / f"see_{there}").symlink_to(f"../{there}")

    expected = [(name, "1.jpg") for name in names]
    assert labels(tmp_path) == expected
    assert [path.parent.name for path in pictures_below(tmp_path)] == list(names)


def test_a_picture_is_of_the_class_that_its_own_folder_names(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.jpg", "b/1.jpg")
    (tmp_path / "a/see").symlink_to("../b")
    (tmp_path / "alias").symlink_to("b")
    assert listed(tmp_path)[0] == [("a", "a/1.jpg"), ("b", "b/1.jpg")]


def test_links_to_elsewhere_are_followed_once_and_last(tmp_path: Path) -> None:
    touch(tmp_path, "root/a/1.jpg", "root/z/2.jpg", "root/.kept/4.jpg", "store/deep/3.jpg")
    for link, target in {
        "root/a/more": "store",
        "root/b": "store",
        "store/deep/back": "root",
        "store/again": "store/deep",
        "root/c": "root/.kept",
        "root/nothing": "nowhere",
    }.items():
        (tmp_path / link).symlink_to(tmp_path / target)
    assert listed(tmp_path / "root")[0] == [
        ("a", "a/1.jpg"),
        ("z", "z/2.jpg"),
        ("b", "b/deep/3.jpg"),
        ("c", "c/4.jpg"),
    ]


def test_what_is_passed_over_is_counted_by_ending(tmp_path: Path) -> None:
    touch(tmp_path, "mug/1.png", "cup/photo", "shoe/a.jpg_large", "shoe/b.JPG_LARGE", "notes.txt")
    touch(tmp_path, "empty/.hidden.png", "deep/er/2.png")
    found, notes = listed(tmp_path)
    assert [label for label, _ in found] == ["deep", "mug"]
    assert notes.passed_over == Counter({".jpg_large": 2, "": 1, ".txt": 1})
    assert [Path(folder).name for folder in notes.barren] == ["cup", "empty", "shoe"]
    assert notes.remarks == []


def test_what_systems_make_for_themselves_is_no_class(tmp_path: Path) -> None:
    system = ["@eaDir/1.png/SYNO_THUMB_M.png", ".thumbnails/a.png", "__MACOSX/mug/1.png"]
    system += ["#recycle/x.png", "$RECYCLE.BIN/x.png", "mug/@eaDir/y.png", "mug/Thumbs.db"]
    touch(tmp_path, "mug/1.png", "mug/desktop.ini", *system)
    found, notes = listed(tmp_path)
    assert found == [("mug", "mug/1.png")]
    assert not notes.passed_over
    assert not notes.barren


def test_parts_of_a_data_set_are_no_classes_and_it_is_said(tmp_path: Path) -> None:
    touch(tmp_path, "train/cat/1.jpg", "train/dog/2.jpg", "Val/cat/3.jpg", "README.md")
    found, notes = listed(tmp_path)
    assert sorted(found) == [
        ("cat", "Val/cat/3.jpg"),
        ("cat", "train/cat/1.jpg"),
        ("dog", "train/dog/2.jpg"),
    ]
    [remark] = notes.remarks
    assert "its folders (Val, train) were taken for the parts of a data set" in remark
    assert "manifest" in remark


@pytest.mark.parametrize(
    "names",
    [
        ("train/1.jpg", "val/2.jpg"),
        ("train/steam/1.jpg", "bus/2.jpg"),
        ("train/steam/1.jpg", "3.jpg"),
    ],
)
def test_classes_that_are_called_like_parts_stay_classes(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    touch(tmp_path, *names)
    found, notes = listed(tmp_path)
    assert "train" in dict(found)
    assert notes.remarks == []


def test_an_enrolment_reports_what_was_passed_over_and_names_pictures_in_warnings(
    recognizer: Recognizer, make_picture: MakePicture, tmp_path: Path
) -> None:
    make_picture("cat/mug/1.png", 1)
    blank = make_picture("cat/pen/1.png", 2)
    blank.write_bytes(blank_png())
    touch(tmp_path / "cat", "cup/photo")

    report = recognizer.enroll_catalog(tmp_path / "cat")

    assert report.passed_over == {"": 1}
    assert [Path(folder).name for folder in report.empty_folders] == ["cup"]
    assert report.to_json()["passed_over"] == {"": 1}
    [warning] = report.warnings
    assert warning.startswith(f"{blank}: The picture is blank")


def blank_png() -> bytes:
    from io import BytesIO

    from PIL import Image

    file = BytesIO()
    Image.new("RGB", (40, 40), "red").save(file, "PNG")
    return file.getvalue()
