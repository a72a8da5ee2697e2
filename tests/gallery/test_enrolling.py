"""What enrolling a batch does, by what is there already."""

from pathlib import Path

import numpy as np
import pytest

from engine.errors import ClassExistsError, ClassNotFoundError, ReadOnlyError, SpaceMismatchError
from engine.gallery import Gallery
from engine.types import Enrolment, EnrolmentStatus, NewExample, Reject
from tests.gallery.conftest import SPACE, example, unit

ADDED, REPLACED, UNCHANGED = EnrolmentStatus


def statuses(outcomes: list[Enrolment | Reject]) -> list[EnrolmentStatus | str]:
    return [o.reason if isinstance(o, Reject) else o.status for o in outcomes]


def found(gallery: Gallery, seed: int) -> str | None:
    """The label of the class nearest to vector `seed`, if it is that very vector."""
    snapshot = gallery.snapshot()
    [ranking] = snapshot.rank(snapshot.projection.apply(unit(seed)[None]), 1)
    if not len(ranking) or ranking.similarities[0] < 0.9999:
        return None
    return snapshot.candidates(ranking)[0].label


def test_a_new_example_is_found_at_once(gallery: Gallery) -> None:
    assert statuses(gallery.enroll([example("cat", 1), example("dog", 2)])) == [ADDED, ADDED]

    assert found(gallery, 1) == "cat"
    assert found(gallery, 2) == "dog"


def test_the_same_picture_in_its_class_is_one_example(gallery: Gallery) -> None:
    gallery.enroll([example("cat", 1)])

    assert statuses(gallery.enroll([example("cat", 1), example("cat", 1)])) == [UNCHANGED] * 2
    assert gallery.catalog.counts().examples == 1


def test_the_same_picture_twice_in_a_batch_is_one_example(gallery: Gallery) -> None:
    assert statuses(gallery.enroll([example("cat", 1), example("cat", 1)])) == [ADDED, UNCHANGED]


def test_the_same_picture_in_another_class_is_refused_and_named(gallery: Gallery) -> None:
    gallery.enroll([example("cat", 1)])

    [refusal] = statuses(gallery.enroll([example("dog", 1)]))

    assert "already enrolled as 'cat' (from /pictures/cat/1.jpg)" in refusal
    assert [r.source for r in gallery.catalog.ask(lambda read: read.rejects())] == [
        "/pictures/dog/1.jpg"
    ]
    assert "dog" not in gallery.snapshot().labels.values()


def test_duplicates_can_be_allowed(gallery: Gallery) -> None:
    gallery.enroll([example("cat", 1)])

    [outcome] = gallery.enroll([example("dog", 1)], allow_duplicates=True)

    assert outcome.status is ADDED
    assert [n.other for n in outcome.near_duplicates] == ["cat"]


def test_a_file_with_new_content_replaces_its_example(gallery: Gallery) -> None:
    gallery.enroll([example("cat", 1, source="/cat.jpg")])

    assert statuses(gallery.enroll([example("cat", 2, source="/cat.jpg")])) == [REPLACED]
    assert found(gallery, 1) is None
    assert found(gallery, 2) == "cat"


def test_two_files_are_two_examples(gallery: Gallery) -> None:
    gallery.enroll([example("cat", 1), example("cat", 2)])

    assert found(gallery, 1) == found(gallery, 2) == "cat"
    assert gallery.catalog.counts()[:2] == (1, 2)


def test_pictures_without_a_file_never_replace_each_other(gallery: Gallery) -> None:
    batch = [example("cat", seed, source="<bytes>") for seed in (1, 2)]

    assert statuses(gallery.enroll(batch)) == [ADDED, ADDED]


def test_a_bad_label_rejects_only_its_example(gallery: Gallery) -> None:
    outcomes = statuses(gallery.enroll([example("", 1), example("dog", 2)]))

    assert "must not be empty" in outcomes[0]
    assert outcomes[1] is ADDED


def test_labels_are_told_apart_after_normalising(gallery: Gallery) -> None:
    gallery.enroll([example("Eisbär", 1), example(" Eisba\u0308r ", 2)])

    assert gallery.snapshot().labels.keys() == {1}


def test_near_duplicates_are_named(gallery: Gallery) -> None:
    close = unit(1) + 0.01 * unit(2)
    gallery.enroll([example("cat", 1)])

    [outcome] = gallery.enroll([example("dog", 3, vector=close / np.linalg.norm(close))])

    [duplicate] = outcome.near_duplicates
    assert (duplicate.label, duplicate.other) == ("dog", "cat")
    assert duplicate.similarity > 0.99


def test_near_duplicates_are_classes_other_than_its_own(gallery: Gallery) -> None:
    """However many pictures either has; the nearest two of them."""

    def like(label: str, number: int, away: float) -> NewExample:
        vector = unit(1) + away * unit(number)
        return example(label, number, vector=vector / np.linalg.norm(vector))

    others = [("far", 0.09), ("near", 0.03), ("nearer", 0.02), ("nearest", 0.01)]
    gallery.enroll([like(label, 100 + n, away) for n, (label, away) in enumerate(others)])
    gallery.enroll([like("nearest", 200, 0.02), like("stranger", 300, 9.0)])
    gallery.enroll([like("cat", n, 0.005) for n in range(2, 12)])

    [outcome, other] = gallery.enroll([example("cat", 1), example("dog", 99)])

    assert [n.other for n in outcome.near_duplicates] == ["nearest", "nearer"]
    assert other.near_duplicates == ()


def test_a_vector_that_is_not_of_unit_length_is_refused_whole(gallery: Gallery) -> None:
    with pytest.raises(Exception, match="unit"):
        gallery.enroll([example("cat", 1), example("dog", 2, vector=2 * unit(2))])
    assert gallery.catalog.counts().examples == 0


def test_pruning_removes_what_the_source_no_longer_lists(gallery: Gallery) -> None:
    batch = [example(label, seed, origin="/p") for seed, label in enumerate("abc", start=1)]
    [a, _, _] = gallery.enroll(batch)
    gallery.enroll([example("other", 9)])

    removed = gallery.examples.prune("/p", {a.example_id}, {"/pictures/b/2.jpg"})

    assert removed == 1
    assert found(gallery, 3) is None
    assert sorted(gallery.snapshot().labels.values()) == ["a", "b", "other"]


def test_classes_are_renamed_merged_and_removed(gallery: Gallery) -> None:
    gallery.enroll([example(label, seed) for seed, label in enumerate("abcd", start=1)])

    gallery.classes.rename("a", "alpha")
    gallery.classes.merge(["b", "c"], "alpha")
    gallery.classes.remove("d")

    assert [found(gallery, seed) for seed in (1, 2, 3, 4)] == ["alpha", "alpha", "alpha", None]
    assert gallery.check() == []
    with pytest.raises(ClassNotFoundError):
        gallery.classes.rename("d", "delta")


def test_renaming_onto_another_class_is_refused(gallery: Gallery) -> None:
    gallery.enroll([example("a", 1), example("b", 2)])

    with pytest.raises(ClassExistsError):
        gallery.classes.rename("a", "b")


def test_a_removed_example_is_not_found(gallery: Gallery) -> None:
    [first, _] = gallery.enroll([example("cat", 1), example("cat", 2)])

    gallery.examples.remove(first.example_id)

    assert found(gallery, 1) is None
    assert found(gallery, 2) == "cat"


def test_another_space_is_refused(tmp_path: Path) -> None:
    with (
        Gallery.create(tmp_path / "g.gallery", space=SPACE) as gallery,
        pytest.raises(SpaceMismatchError),
    ):
        gallery.enroll([example("cat", 1, vector=unit(1, dimension=9))])


def test_a_read_only_gallery_answers_and_refuses_writes(gallery: Gallery) -> None:
    gallery.enroll([example("cat", 1)])

    with Gallery.open(gallery.folder.path, read_only=True) as reader:
        assert found(reader, 1) == "cat"
        with pytest.raises(ReadOnlyError, match="read-only"):
            reader.enroll([example("dog", 2)])
