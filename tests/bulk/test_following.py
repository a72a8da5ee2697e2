"""Enrolling a source again makes the gallery equal to what it lists now.

What a gallery should hold is said by hand: label and path of each picture, by its number.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.bulk.following import is_there, still_holds
from engine.errors import DuplicateImageError
from engine.images import content_hash
from engine.recognizer import Recognizer
from tests.conftest import MakePicture, quarters

Held = dict[str, list[str]]


def held(recognizer: Recognizer, folder: Path) -> Held:
    """Each class's pictures, by their paths below the folder."""
    classes: Held = {}
    for example in recognizer.gallery.catalog.stream(lambda read: read.examples.stream()):
        path = os.path.relpath(example.source, folder)
        classes.setdefault(example.label, []).append(path)
    labels = {
        record.label
        for record in recognizer.gallery.catalog.ask(lambda read: read.classes.listed())
    }
    return {label: sorted(classes.get(label, [])) for label in sorted(labels)}


def manifest(path: Path, *rows: tuple[str, str]) -> Path:
    path.write_text("path,label\n" + "".join(f"{picture},{label}\n" for picture, label in rows))
    return path


def answer(recognizer: Recognizer, seed: int) -> str:
    """The nearest class to picture number `seed`, which is that very picture."""
    [nearest] = recognizer.nearest(quarters(seed), k=1)
    assert nearest.similarity > 0.999
    return nearest.label


@pytest.mark.parametrize("prune", [False, True])
def test_a_renamed_folder_renames_its_class(
    recognizer: Recognizer, make_picture: MakePicture, tmp_path: Path, prune: bool
) -> None:
    for seed, name in enumerate(["ant", "bat", "bus"]):
        make_picture(f"cat/{name}/1.png", seed)
    recognizer.enroll_catalog(tmp_path / "cat")
    (tmp_path / "cat/bat").rename(tmp_path / "cat/flying fox")

    report = recognizer.enroll_catalog(tmp_path / "cat", prune=prune)

    assert (report.replaced, report.unchanged, report.rejected) == (1, 2, 0)
    assert held(recognizer, tmp_path / "cat") == {
        "ant": ["ant/1.png"],
        "bus": ["bus/1.png"],
        "flying fox": ["flying fox/1.png"],
    }
    assert answer(recognizer, 1) == "flying fox"
    assert recognizer.gallery.check() == []


def test_a_label_corrected_in_a_manifest_reaches_the_gallery(
    recognizer: Recognizer, make_picture: MakePicture, tmp_path: Path
) -> None:
    make_picture("1.png", 1)
    make_picture("2.png", 2)
    listed = manifest(tmp_path / "m.csv", ("1.png", "pear"), ("2.png", "bus"))
    recognizer.enroll_catalog(listed)
    manifest(listed, ("1.png", "apple"), ("2.png", "bus"))

    report = recognizer.enroll_catalog(listed)

    assert (report.replaced, report.unchanged, report.rejected) == (1, 1, 0)
    assert held(recognizer, tmp_path) == {"apple": ["1.png"], "bus": ["2.png"]}
    assert answer(recognizer, 1) == "apple"


def test_a_label_corrected_and_a_picture_changed_at_once(
    recognizer: Recognizer, make_picture: MakePicture, tmp_path: Path
) -> None:
    make_picture("1.png", 1)
    listed = manifest(tmp_path / "m.csv", ("1.png", "pear"))
    recognizer.enroll_catalog(listed)
    make_picture("1.png", 2)
    recognizer.enroll_catalog(manifest(listed, ("1.png", "apple")))

    assert held(recognizer, tmp_path) == {"apple": ["1.png"]}
    assert answer(recognizer, 2) == "apple"


def test_a_label_corrected_in_an_iterable(
    recognizer: Recognizer, make_picture: MakePicture, tmp_path: Path
) -> None:
    picture = make_picture("1.png", 1)
    recognizer.enroll_catalog([("pear", picture)])
    assert recognizer.enroll_catalog([("apple", picture)]).replaced == 1
    assert held(recognizer, tmp_path) == {"apple": ["1.png"]}


@pytest.mark.parametrize("prune", [False, True])
def test_swapped_files_are_put_right(
    recognizer: Recognizer, make_picture: MakePicture, tmp_path: Path, prune: bool
) -> None:
    apple, bus = make_picture("s/bus.png", 1), make_picture("s/apple.png", 2)
    recognizer.enroll_catalog(tmp_path / "s")
    apple.rename(tmp_path / "t")
    bus.rename(apple)
    (tmp_path / "t").rename(bus)

    assert recognizer.enroll_catalog(tmp_path / "s", prune=prune).rejected == 0
    assert held(recognizer, tmp_path / "s") == {"apple": ["apple.png"], "bus": ["bus.png"]}
    assert [answer(recognizer, seed) for seed in (1, 2)] == ["apple", "bus"]


def test_three_files_in_a_ring(
    recognizer: Recognizer, make_picture: MakePicture, tmp_path: Path
) -> None:
    for seed, name in enumerate("abc"):
        make_picture(f"s/{name}.png", seed)
    recognizer.enroll_catalog(tmp_path / "s")
    for seed, name in enumerate("bca"):
        make_picture(f"s/{name}.png", seed)

    assert recognizer.enroll_catalog(tmp_path / "s").rejected == 0
    assert [answer(recognizer, seed) for seed in range(3)] == ["b", "c", "a"]


def test_a_moved_catalog_is_followed_though_changed_at_once(
    recognizer: Recognizer, make_picture: MakePicture, tmp_path: Path
) -> None:
    for seed, name in enumerate(["ant", "bat", "bus"]):
        make_picture(f"cat/{name}.png", seed)
    recognizer.enroll_catalog(tmp_path / "cat")
    moved = (tmp_path / "cat").rename(tmp_path / "moved")
    make_picture("moved/ant.png", 9)
    (moved / "bat.png").unlink()

    report = recognizer.enroll_catalog(moved, prune=True)

    assert (report.replaced, report.unchanged, report.pruned) == (1, 1, 1)
    assert held(recognizer, moved) == {"ant": ["ant.png"], "bus": ["bus.png"]}


def test_pictures_that_moved_within_their_class_keep_their_examples(
    recognizer: Recognizer, make_picture: MakePicture, tmp_path: Path
) -> None:
    make_picture("cat/ant/1.png", 1)
    recognizer.enroll_catalog(tmp_path / "cat")
    [before] = recognizer.gallery.catalog.stream(lambda read: read.examples.stream())
    (tmp_path / "cat/ant/1.png").rename(tmp_path / "cat/ant/front.png")

    assert recognizer.enroll_catalog(tmp_path / "cat").unchanged == 1
    [after] = recognizer.gallery.catalog.stream(lambda read: read.examples.stream())
    assert after.id == before.id
    assert Path(after.source).name == "front.png"
    make_picture("cat/ant/front.png", 2)
    assert recognizer.enroll_catalog(tmp_path / "cat").replaced == 1


def test_a_moved_manifest_is_followed(
    recognizer: Recognizer, make_picture: MakePicture, tmp_path: Path
) -> None:
    make_picture("a/1.png", 1)
    make_picture("a/2.png", 2)
    recognizer.enroll_catalog(manifest(tmp_path / "a/m.csv", ("1.png", "one"), ("2.png", "two")))
    moved = (tmp_path / "a").rename(tmp_path / "b")
    report = recognizer.enroll_catalog(manifest(moved / "m.csv", ("1.png", "one")), prune=True)
    assert (report.unchanged, report.pruned) == (1, 1)
    assert held(recognizer, moved) == {"one": ["1.png"]}


def test_only_other_pictures_that_are_still_there_are_duplicates(
    recognizer: Recognizer, make_picture: MakePicture, tmp_path: Path
) -> None:
    make_picture("cat/ant.png", 1)
    recognizer.enroll_catalog(tmp_path / "cat")
    make_picture("cat/bat.png", 1)

    report = recognizer.enroll_catalog(tmp_path / "cat", prune=True)

    assert report.rejected == 1
    assert "already enrolled as 'ant'" in report.rejects[0].reason
    assert held(recognizer, tmp_path / "cat") == {"ant": ["ant.png"]}


def test_one_row_against_another_of_the_same_listing_is_refused(
    recognizer: Recognizer, make_picture: MakePicture, tmp_path: Path
) -> None:
    make_picture("1.png", 1)
    listed = manifest(tmp_path / "m.csv", ("1.png", "pear"), ("1.png", "apple"))
    for _ in range(2):
        report = recognizer.enroll_catalog(listed)
        assert report.rejected == 1
        assert held(recognizer, tmp_path) == {"pear": ["1.png"]}


def test_what_another_listing_holds_is_not_taken_from_it(
    recognizer: Recognizer, make_picture: MakePicture, tmp_path: Path
) -> None:
    make_picture("1.png", 1)
    recognizer.enroll_catalog(manifest(tmp_path / "a.csv", ("1.png", "pear")))
    assert recognizer.enroll_catalog(manifest(tmp_path / "b.csv", ("1.png", "apple"))).rejected == 1
    assert held(recognizer, tmp_path) == {"pear": ["1.png"]}


def test_a_single_picture_is_never_taken_from_its_class(
    recognizer: Recognizer, make_picture: MakePicture, tmp_path: Path
) -> None:
    picture = make_picture("1.png", 1)
    recognizer.enroll("pear", picture)
    with pytest.raises(DuplicateImageError, match="already enrolled as 'pear'"):
        recognizer.enroll("apple", picture)
    picture.unlink()
    make_picture("cat/apple.png", 1)
    assert recognizer.enroll_catalog(tmp_path / "cat").rejected == 1


def test_a_class_that_is_emptied_goes_but_one_that_is_filled_again_keeps_what_was_set(
    recognizer: Recognizer, make_picture: MakePicture, tmp_path: Path
) -> None:
    make_picture("1.png", 1)
    make_picture("2.png", 2)
    listed = manifest(tmp_path / "m.csv", ("1.png", "pear"), ("2.png", "fig"))
    recognizer.enroll_catalog(listed)
    recognizer.gallery.classes.set_attributes("fig", {"price": 3})
    recognizer.enroll_catalog(manifest(listed, ("1.png", "fig"), ("2.png", "plum")))
    assert held(recognizer, tmp_path) == {"fig": ["1.png"], "plum": ["2.png"]}
    assert recognizer.gallery.catalog.ask(lambda read: read.classes.by_label("fig")).attributes == {
        "price": 3
    }


def test_what_a_place_still_holds(make_picture: MakePicture, tmp_path: Path) -> None:
    picture = make_picture("1.png", 1)
    digest = content_hash(picture)
    assert still_holds(str(picture), digest)
    assert not still_holds(str(picture), "0" * 64)
    assert not still_holds(str(tmp_path / "gone.png"), digest)
    assert not is_there(str(tmp_path / "gone"))
    for unknowable in ("photo.png", "s3://bucket/1.png", str(tmp_path / "caf\\xe9.png")):
        assert still_holds(unknowable, digest)
        assert is_there(unknowable)
