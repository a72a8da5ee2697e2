"""A gallery's files of another history: restored, copied, gone their own ways."""

import shutil
from pathlib import Path

import pytest

from engine.gallery import Gallery
from engine.types import FloatArray
from tests.gallery.conftest import SPACE, example, unit


def nearest(gallery: Gallery, vector: FloatArray) -> str:
    """The label nearest to a vector."""
    snapshot = gallery.snapshot()
    [ranking] = snapshot.rank(vector[None], 1)
    return snapshot.candidates(ranking)[0].label


def right(gallery: Gallery, *seeds: int) -> None:
    """Every class is found by its own vector, and the files hold together."""
    assert [nearest(gallery, unit(seed)) for seed in seeds] == [f"class {n}" for n in seeds]
    assert sorted(gallery.snapshot().labels.values()) == [f"class {n}" for n in seeds]
    assert gallery.check() == []


def enroll(gallery: Gallery, seed: int) -> None:
    gallery.enroll([example(f"class {seed}", seed)])


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    """A gallery of the classes 1 and 2, closed, and a copy of its folder."""
    place, copy = tmp_path / "gallery", tmp_path / "copy"
    with Gallery.create(place, space=SPACE) as gallery:
        enroll(gallery, 1)
        enroll(gallery, 2)
    assert gallery.folder.index_file.exists()
    shutil.copytree(place, copy)
    return place, copy


def test_an_index_of_a_copy_that_went_its_own_way_is_not_trusted(
    places: tuple[Path, Path],
) -> None:
    for place, seed in zip(places, (3, 4), strict=True):
        with Gallery.open(place) as gallery:
            enroll(gallery, seed)
            gallery.rebuild()
    shutil.copy(places[0] / "catalog.sqlite", places[1] / "catalog.sqlite")
    with Gallery.open(places[1]) as gallery:
        right(gallery, 1, 2, 3)


def test_a_backup_that_was_restored_and_went_on_is_not_compared_with_the_former_index(
    places: tuple[Path, Path],
) -> None:
    place, backup = places
    with Gallery.open(place) as gallery:
        enroll(gallery, 3)
        gallery.rebuild()
    (place / "catalog.sqlite").unlink()
    shutil.copy(backup / "catalog.sqlite", place)
    with Gallery.open(place) as gallery:
        right(gallery, 1, 2)
        enroll(gallery, 4)
        enroll(gallery, 5)
        right(gallery, 1, 2, 4, 5)


@pytest.mark.parametrize("in_place", [True, False])
def test_an_open_gallery_goes_on_with_what_was_restored_beneath_it(
    places: tuple[Path, Path], in_place: bool
) -> None:
    place, backup = places
    with Gallery.open(backup) as other:
        enroll(other, 4)
    with Gallery.open(place, poll_seconds=0.0) as gallery:
        right(gallery, 1, 2)
        if in_place:
            shutil.copy(backup / "catalog.sqlite", place / "catalog.sqlite")
        else:
            shutil.rmtree(place)
            shutil.copytree(backup, place)
        right(gallery, 1, 2, 4)
        enroll(gallery, 5)
        right(gallery, 1, 2, 4, 5)
    with Gallery.open(place) as gallery:
        right(gallery, 1, 2, 4, 5)


def test_what_a_process_keeps_at_its_end_is_of_its_own_history(
    places: tuple[Path, Path],
) -> None:
    place, backup = places
    stale = Gallery.open(place, poll_seconds=1000.0)
    enroll(stale, 3)
    shutil.rmtree(place)
    shutil.copytree(backup, place)
    with Gallery.open(place) as restored:
        enroll(restored, 4)
        stale.close()  # it writes its index over the restored gallery's
    with Gallery.open(place) as gallery:
        right(gallery, 1, 2, 4)


def test_only_their_user_may_read_a_gallerys_files(tmp_path: Path) -> None:
    with Gallery.create(tmp_path / "gallery", space=SPACE) as gallery:
        enroll(gallery, 1)
        gallery.rebuild()
        gallery.backup(tmp_path / "backup")
        gallery.export(tmp_path / "export.parquet")
        found = [
            tmp_path / "export.parquet",
            *tmp_path.glob("gallery/*"),
            *tmp_path.glob("backup/*"),
        ]
        assert {path.name for path in found} >= {
            "catalog.sqlite",
            "index.faiss",
            "catalog.sqlite-wal",
        }
        assert {oct(path.stat().st_mode & 0o777) for path in found} == {"0o600"}
        folders = (tmp_path / "gallery", tmp_path / "backup")
        assert {oct(path.stat().st_mode & 0o777) for path in folders} == {"0o700"}
