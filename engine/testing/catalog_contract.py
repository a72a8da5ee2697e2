"""What every catalog must do, whatever database is behind it.

Subclass `CatalogContract` in a test module and say where a database may be made; pytest then runs
the whole contract over it.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.catalog import Catalog, StoredProjection
from engine.errors import (
    ClassExistsError,
    ClassNotFoundError,
    ExampleNotFoundError,
    GalleryError,
    LabelError,
    SpaceMismatchError,
)
from engine.types import (
    Change,
    ChangeKind,
    ClassStatistics,
    FloatArray,
    KeepPictures,
    NewExample,
    Reject,
    Space,
)

DIMENSION = 4
SPACE = Space("fake", "a" * 64, "b" * 64, DIMENSION)
OTHER_SPACE = Space("other", "c" * 64, "b" * 64, 2)


def direction(number: int, dimension: int = DIMENSION) -> FloatArray:
    """A unit vector for each number, the same every time, `(dimension,) float32`."""
    vector = np.random.default_rng(number).standard_normal(dimension)
    unit: FloatArray = (vector / np.linalg.norm(vector)).astype(np.float32)
    return unit


def content_hash(number: int) -> str:
    """The hash of the picture of that number."""
    return hashlib.sha256(str(number).encode()).hexdigest()


def new_example(number: int, label: str = "cup", **fields: Any) -> NewExample:
    """The example made from the picture of that number."""
    example = NewExample(
        label=label,
        source=f"{number}.png",
        content_hash=content_hash(number),
        width=10 + number,
        height=20,
        vector=direction(number),
        picture=f"picture {number}".encode(),
    )
    return replace(example, **fields)


def enroll(catalog: Catalog, *examples: NewExample) -> list[int]:
    """Add examples in one transaction; return their ids."""
    with catalog.write() as transaction:
        return transaction.add_examples(examples)


def contents(catalog: Catalog) -> dict[str, set[str]]:
    """Each class's content hashes, by label."""
    held: dict[str, set[str]] = {record.label: set() for record in catalog.classes()}
    for example in catalog.examples():
        held[example.label].add(example.content_hash)
    return held


class CatalogContract:
    """The contract of `engine.catalog.Catalog`, as tests."""

    @pytest.fixture
    def location(self, tmp_path: Path) -> str | Path:
        """Where no database is yet, but may be made."""
        raise NotImplementedError

    @pytest.fixture
    def catalog(self, location: str | Path) -> Iterator[Catalog]:
        """A fresh catalog."""
        with Catalog.create(location, space=SPACE, keep_pictures=KeepPictures.BOUNDED) as catalog:
            yield catalog

    # Making and opening

    def test_a_fresh_catalog_is_empty_and_knows_its_space(self, catalog: Catalog) -> None:
        state = catalog.state()
        assert state.space == SPACE
        assert state.generation == catalog.generation() == 0
        assert state.keep_pictures is KeepPictures.BOUNDED
        assert state.projection_id is None
        assert state.target_fpir == 0.05
        assert catalog.counts() == (0, 0, 0, 0)
        assert catalog.changes_since(0) == []
        assert catalog.integrity_problems() == []

    def test_creating_a_catalog_that_is_there_opens_it(
        self, catalog: Catalog, location: str | Path
    ) -> None:
        enroll(catalog, new_example(1))
        with Catalog.create(location, space=SPACE, keep_pictures=KeepPictures.NONE) as again:
            assert again.state() == catalog.state()
            assert again.counts().examples == 1

    @pytest.mark.usefixtures("catalog")
    def test_creating_a_catalog_that_is_there_in_another_space_is_refused(
        self, location: str | Path
    ) -> None:
        with pytest.raises(SpaceMismatchError, match="is a gallery of fake"):
            Catalog.create(location, space=OTHER_SPACE, keep_pictures=KeepPictures.NONE)

    def test_what_was_written_is_there_after_reopening(
        self, catalog: Catalog, location: str | Path
    ) -> None:
        enroll(catalog, new_example(1), new_example(2, "bowl"))
        before = (catalog.state(), catalog.classes(), catalog.examples())
        catalog.close()
        with Catalog.open(location) as again:
            assert (again.state(), again.classes(), again.examples()) == before

    def test_a_closed_catalog_refuses_use(self, catalog: Catalog) -> None:
        catalog.close()
        with pytest.raises(GalleryError, match="was closed"):
            catalog.generation()
        with pytest.raises(GalleryError, match="was closed"):
            catalog.classes()

    # Classes

    def test_a_class_is_made_once_and_its_attributes_are_merged(self, catalog: Catalog) -> None:
        with catalog.write() as transaction:
            first = transaction.ensure_class("cup", {"colour": "red", "price": 3})
            second = transaction.ensure_class("  cup ", {"price": 4})
        assert first == second
        assert catalog.class_by_label("cup").attributes == {"colour": "red", "price": 4}

    def test_labels_are_the_same_in_every_unicode_form(self, catalog: Catalog) -> None:
        composed, decomposed = "caf\u00e9", "cafe\u0301"
        with catalog.write() as transaction:
            class_id = transaction.add_class(decomposed)
            with pytest.raises(ClassExistsError, match="already a class"):
                transaction.add_class(composed)
        assert catalog.labels() == {class_id: composed}
        assert catalog.class_id(decomposed) == class_id

    def test_a_label_that_can_not_be_one_is_refused(self, catalog: Catalog) -> None:
        with catalog.write() as transaction, pytest.raises(LabelError):
            transaction.ensure_class("two\nlines")
        assert catalog.classes() == []

    def test_classes_come_by_code_point_and_in_pages(self, catalog: Catalog) -> None:
        labels = ["zebra", "Äpfel", "apple", "Zoo", "10", "9", "🦊", "狐"]
        with catalog.write() as transaction:
            for label in labels:
                transaction.add_class(label)
        expected = sorted(unicodedata.normalize("NFC", label) for label in labels)
        assert [record.label for record in catalog.classes()] == expected
        paged: list[str] = []
        while page := catalog.classes(after=paged[-1] if paged else None, limit=3):
            paged += [record.label for record in page]
        assert paged == expected

    def test_a_search_ignores_case_and_takes_wildcards_literally(self, catalog: Catalog) -> None:
        with catalog.write() as transaction:
            for label in ["Éclair", "100% wool", "100 wool", "a_b", "aXb"]:
                transaction.add_class(label)
        assert [record.label for record in catalog.classes(search="éCLAIR")] == ["Éclair"]
        assert [record.label for record in catalog.classes(search="0%")] == ["100% wool"]
        assert [record.label for record in catalog.classes(search="A_B")] == ["a_b"]

    def test_a_class_that_is_not_there_is_named_with_those_much_like_it(
        self, catalog: Catalog
    ) -> None:
        with catalog.write() as transaction:
            transaction.add_class("Polar Bear")
            transaction.add_class("teapot")
        with pytest.raises(ClassNotFoundError, match="'polar baer'; did you mean 'Polar Bear'"):
            catalog.class_by_label("polar baer")
        with pytest.raises(ClassNotFoundError):
            catalog.class_by_id(12345)

    def test_a_renamed_class_keeps_its_id_and_examples(self, catalog: Catalog) -> None:
        [example_id] = enroll(catalog, new_example(1, "cup"))
        class_id = catalog.class_id("cup")
        with catalog.write() as transaction:
            transaction.rename_class(class_id, "mug")
        assert catalog.labels() == {class_id: "mug"}
        [example] = catalog.examples(class_id)
        assert (example.id, example.label) == (example_id, "mug")
        with pytest.raises(ClassNotFoundError):
            catalog.class_id("cup")

    def test_renaming_to_another_class_s_label_is_refused(self, catalog: Catalog) -> None:
        enroll(catalog, new_example(1, "cup"), new_example(2, "mug"))
        with catalog.write() as transaction, pytest.raises(ClassExistsError, match="merge"):
            transaction.rename_class(transaction.class_id("cup"), "mug")

    def test_merging_moves_examples_and_drops_pictures_that_are_there(
        self, catalog: Catalog
    ) -> None:
        first, _, moved, second_copy = enroll(
            catalog,
            new_example(1, "cup", attributes={"shelf": 1, "old": True}),
            new_example(1, "mug"),
            new_example(2, "mug", attributes={"shelf": 2, "colour": "red"}),
            new_example(2, "beaker"),
        )
        into = catalog.class_id("cup")
        with catalog.write() as transaction:
            transaction.merge_classes(
                [transaction.class_id("mug"), transaction.class_id("beaker"), into], into
            )
        assert [(e.id, e.class_id) for e in catalog.examples()] == [(first, into), (moved, into)]
        assert catalog.picture(second_copy) is None
        [record] = catalog.classes()
        assert record.attributes == {"shelf": 1, "old": True, "colour": "red"}
        assert record.examples == 2

    def test_removing_a_class_removes_all_that_hangs_on_it(self, catalog: Catalog) -> None:
        removed, kept = enroll(catalog, new_example(1, "cup"), new_example(2, "bowl"))
        cup, bowl = catalog.class_id("cup"), catalog.class_id("bowl")
        statistics = ClassStatistics(0.25, 0.125, 7)
        with catalog.write() as transaction:
            transaction.put_class_statistics("searched", {cup: statistics, bowl: statistics})
            transaction.pin_threshold(cup, 0.5, "searched")
            transaction.remove_class(cup)
        assert catalog.labels() == {bowl: "bowl"}
        assert [example.id for example in catalog.examples()] == [kept]
        assert catalog.vectors(SPACE.id, [removed, kept]).ids.tolist() == [kept]
        assert catalog.picture(removed) is None
        assert catalog.class_statistics("searched") == {bowl: statistics}
        assert catalog.pins() == {}
        with catalog.write() as transaction, pytest.raises(ClassNotFoundError):
            transaction.remove_class(cup)

    def test_only_an_empty_class_is_removed_as_empty(self, catalog: Catalog) -> None:
        [example_id] = enroll(catalog, new_example(1))
        class_id = catalog.class_id("cup")
        with catalog.write() as transaction:
            assert not transaction.remove_class_if_empty(class_id)
            transaction.remove_example(example_id)
            assert transaction.remove_class_if_empty(class_id)
        assert catalog.classes() == []

    def test_attributes_are_replaced_whole_and_must_be_json(self, catalog: Catalog) -> None:
        with catalog.write() as transaction:
            class_id = transaction.add_class("cup", {"a": 1, "text": "naïve \u2028", "n": [None]})
        assert catalog.class_by_id(class_id).attributes == {
            "a": 1,
            "text": "naïve \u2028",
            "n": [None],
        }
        with catalog.write() as transaction:
            transaction.set_attributes(class_id, {"b": 2})
        assert catalog.class_by_id(class_id).attributes == {"b": 2}
        for wrong in ({"x": float("nan")}, {"x": object()}, {"x": {1, 2}}):
            with catalog.write() as transaction, pytest.raises(GalleryError, match="'cup' must be"):
                transaction.set_attributes(class_id, wrong)
        assert catalog.class_by_id(class_id).attributes == {"b": 2}

    def test_a_class_is_dated_in_utc_and_its_update_moves_on(self, catalog: Catalog) -> None:
        start = datetime.now(UTC)
        enroll(catalog, new_example(1))
        made = catalog.class_by_label("cup")
        assert start - timedelta(seconds=1) <= made.created_at <= datetime.now(UTC)
        assert made.created_at.utcoffset() == timedelta(0)
        enroll(catalog, new_example(2))
        changed = catalog.class_by_label("cup")
        assert changed.created_at == made.created_at
        assert changed.updated_at > made.updated_at

    # Examples

    def test_an_example_comes_back_as_it_was_written(self, catalog: Catalog) -> None:
        written = new_example(1, warnings=("is blank", "is blurred"))
        [example_id] = enroll(catalog, written)
        [record] = catalog.examples()
        assert record == catalog.find_content(written.content_hash)[0]
        assert record.id == example_id
        assert (record.label, record.source, record.content_hash, record.warnings) == (
            "cup",
            "1.png",
            content_hash(1),
            ("is blank", "is blurred"),
        )
        assert (record.width, record.height) == (11, 20)
        assert record.created_at.utcoffset() == timedelta(0)
        assert catalog.picture(example_id) == b"picture 1"

    def test_adding_one_example_returns_its_record(self, catalog: Catalog) -> None:
        with catalog.write() as transaction:
            class_id = transaction.ensure_class("cup")
            record = transaction.add_example(new_example(1), class_id)
        assert catalog.examples() == [record]
        assert record.class_id == class_id

    def test_an_example_without_a_picture_has_none(self, catalog: Catalog) -> None:
        [example_id] = enroll(catalog, new_example(1, picture=None))
        assert catalog.picture(example_id) is None
        assert catalog.counts() == (1, 1, 0, 0)

    def test_counts_add_up(self, catalog: Catalog) -> None:
        enroll(catalog, new_example(1), new_example(2), new_example(3, "bowl"))
        assert catalog.counts() == (2, 3, 3, 3 * len(b"picture 1"))

    def test_the_same_picture_twice_in_a_class_is_one_example(self, catalog: Catalog) -> None:
        first = enroll(catalog, new_example(1), new_example(2), new_example(1, source="copy.png"))
        assert first[0] == first[2]
        again = enroll(catalog, new_example(3), new_example(1, picture=b"other"))
        assert again[1] == first[0]
        assert catalog.counts().examples == 3
        assert catalog.picture(first[0]) == b"picture 1"

    def test_the_same_picture_in_two_classes_is_two_examples(self, catalog: Catalog) -> None:
        cup, bowl = enroll(catalog, new_example(1, "cup"), new_example(1, "bowl"))
        assert cup != bowl
        assert [e.label for e in catalog.find_content(content_hash(1))] == ["cup", "bowl"]

    def test_ids_follow_the_order_of_the_batch(self, catalog: Catalog) -> None:
        ids = enroll(catalog, *(new_example(n, f"class {n % 7}") for n in range(2500)))
        assert ids == sorted(ids)
        assert len(set(ids)) == 2500
        assert [e.content_hash for e in catalog.examples()] == [
            content_hash(n) for n in range(2500)
        ]

    def test_ids_are_never_used_again(self, catalog: Catalog) -> None:
        [example_id] = enroll(catalog, new_example(1))
        class_id = catalog.class_id("cup")
        with catalog.write() as transaction:
            transaction.remove_class(class_id)
        assert enroll(catalog, new_example(1))[0] > example_id
        assert catalog.class_id("cup") > class_id

    def test_examples_are_found_by_class_and_by_id(self, catalog: Catalog) -> None:
        one, two, three = enroll(catalog, *(new_example(n, f"c{n % 2}") for n in (1, 2, 3)))
        odd = catalog.class_id("c1")
        assert [e.id for e in catalog.examples(odd)] == [one, three]
        assert [e.id for e in catalog.examples(ids=[three, two, 999])] == [two, three]
        assert [e.id for e in catalog.examples(odd, ids=[two, three])] == [three]
        assert catalog.examples(999) == []
        assert list(catalog.iter_examples()) == catalog.examples()
        assert [e.id for e in catalog.iter_examples(after_id=one)] == [two, three]

    def test_examples_of_one_bulk_source_are_streamed_alone(self, catalog: Catalog) -> None:
        enroll(
            catalog,
            new_example(1, origin="/a"),
            new_example(2, origin="/b"),
            new_example(3),
            new_example(4, origin="/a"),
        )
        assert [e.source for e in catalog.iter_examples(origin="/a")] == ["1.png", "4.png"]
        assert list(catalog.iter_examples(origin="/c")) == []

    def test_example_and_class_ids_come_as_arrays(self, catalog: Catalog) -> None:
        ids, class_ids = catalog.example_classes()
        assert ids.shape == class_ids.shape == (0,)
        added = enroll(catalog, *(new_example(n, f"c{n % 2}") for n in range(3)))
        ids, class_ids = catalog.example_classes()
        assert ids.dtype == class_ids.dtype == np.int64
        assert ids.tolist() == added
        assert [catalog.labels()[i] for i in class_ids.tolist()] == ["c0", "c1", "c0"]

    @pytest.mark.parametrize(
        "source",
        [
            "naïve 狐.png",
            "two\nlines.png",
            "b\udcffd.png",
            "nul\x00.png",
            "\x1aescape",
            "C:\\a.png",
        ],
    )
    def test_any_source_comes_back_exactly(self, catalog: Catalog, source: str) -> None:
        [example_id] = enroll(catalog, new_example(1, source=source))
        assert catalog.examples()[0].source == source
        assert [e.id for e in catalog.find_sources([source, "absent"])] == [example_id]
        assert catalog.known_sources([("cup", source)]) == {
            ("cup", source): [(example_id, content_hash(1))]
        }
        with catalog.write() as transaction:
            transaction.put_rejects([Reject(source, f"{source}: is no picture")])
        assert catalog.rejects() == [Reject(source, f"{source}: is no picture")]

    def test_known_sources_are_keyed_as_asked(self, catalog: Catalog) -> None:
        one, two, _ = enroll(
            catalog,
            new_example(1, "cup", source="a.png"),
            new_example(2, "cup", source="a.png"),
            new_example(1, "bowl", source="a.png"),
        )
        asked = [(" cup ", "a.png"), ("cup", "b.png"), ("no\nlabel", "a.png")]
        assert catalog.known_sources(asked) == {
            (" cup ", "a.png"): [(one, content_hash(1)), (two, content_hash(2))]
        }

    def test_many_values_are_looked_up_at_once(self, catalog: Catalog) -> None:
        ids = enroll(catalog, *(new_example(n, f"class {n}") for n in range(2500)))
        sources = [(f"class {n}", f"{n}.png") for n in range(2500)]
        assert len(catalog.known_sources(sources)) == 2500
        hashes = [content_hash(n) for n in range(2500)]
        assert [e.id for e in catalog.find_contents(hashes)] == ids
        assert catalog.vectors(SPACE.id, ids).ids.tolist() == ids
        assert len(catalog.labels(list(catalog.labels()))) == 2500
        with catalog.write() as transaction:
            transaction.remove_examples(ids)
        assert catalog.counts() == (2500, 0, 0, 0)

    def test_removing_an_example_leaves_its_class(self, catalog: Catalog) -> None:
        one, two = enroll(catalog, new_example(1), new_example(2))
        with catalog.write() as transaction:
            transaction.remove_example(one)
        assert [example.id for example in catalog.examples()] == [two]
        assert catalog.class_by_label("cup").examples == 1
        with catalog.write() as transaction, pytest.raises(ExampleNotFoundError, match=str(one)):
            transaction.remove_example(one)

    # Vectors

    def test_vectors_come_back_bit_for_bit_in_id_order(self, catalog: Catalog) -> None:
        ids = enroll(catalog, *(new_example(n) for n in range(5)))
        batch = catalog.vectors(SPACE.id, [ids[3], ids[1], 999])
        assert batch.ids.tolist() == [ids[1], ids[3]]
        assert batch.vectors.dtype == np.float32
        np.testing.assert_array_equal(batch.vectors, [direction(1), direction(3)])
        assert catalog.vectors(SPACE.id, []).vectors.shape == (0, DIMENSION)

    def test_vectors_are_streamed_in_batches(self, catalog: Catalog) -> None:
        ids = enroll(catalog, *(new_example(n, f"c{n % 2}") for n in range(5)))
        batches = list(catalog.iter_vectors(SPACE.id, batch=2))
        assert [len(batch.ids) for batch in batches] == [2, 2, 1]
        assert np.concatenate([batch.ids for batch in batches]).tolist() == ids
        class_ids = np.concatenate([batch.class_ids for batch in batches])
        assert class_ids.tolist() == catalog.example_classes()[1].tolist()
        vectors = np.concatenate([batch.vectors for batch in batches])
        np.testing.assert_array_equal(vectors, [direction(n) for n in range(5)])
        [rest] = catalog.iter_vectors(SPACE.id, after_id=ids[2])
        assert rest.ids.tolist() == ids[3:]

    def test_a_stream_does_not_see_what_is_written_meanwhile(self, catalog: Catalog) -> None:
        ids = enroll(catalog, *(new_example(n) for n in range(4)))
        stream = catalog.iter_vectors(SPACE.id, batch=1)
        seen = next(stream).ids.tolist()
        with catalog.write() as transaction:
            transaction.remove_example(ids[2])
            transaction.add_examples([new_example(9)])
        seen += [i for batch in stream for i in batch.ids.tolist()]
        assert seen == ids

    @pytest.mark.parametrize(
        ("vector", "error", "message"),
        [
            (np.ones(3, np.float32), SpaceMismatchError, "vector of 4 numbers"),
            (np.ones((1, 4), np.float32), SpaceMismatchError, "vector of 4 numbers"),
            (np.ones(4, np.float32), GalleryError, "length is 2"),
            (np.array([1, np.nan, 0, 0], np.float32), GalleryError, "length is nan"),
            (np.array([np.inf, 0, 0, 0], np.float32), GalleryError, "length is inf"),
        ],
    )
    def test_a_vector_that_can_not_be_compared_is_refused(
        self, catalog: Catalog, vector: FloatArray, error: type[GalleryError], message: str
    ) -> None:
        with pytest.raises(error, match=message):
            enroll(catalog, new_example(1), new_example(2, vector=vector, source="bad.png"))
        assert catalog.counts().examples == 0
        assert catalog.generation() == 0

    def test_vectors_of_an_unknown_space_are_refused(self, catalog: Catalog) -> None:
        with pytest.raises(SpaceMismatchError, match="no embeddings of the space"):
            catalog.vectors("0" * 16, [1])
        with pytest.raises(SpaceMismatchError, match="no embeddings of the space"):
            next(catalog.iter_vectors("0" * 16))

    def test_a_gallery_moves_to_another_space_when_every_example_is_embedded(
        self, catalog: Catalog
    ) -> None:
        ids = enroll(catalog, new_example(1), new_example(2))
        vectors = np.stack([direction(n, 2) for n in (1, 2)])
        with catalog.write() as transaction:
            transaction.add_space(OTHER_SPACE)
            transaction.put_embeddings(OTHER_SPACE.id, ids[:1], vectors[:1])
            with pytest.raises(SpaceMismatchError, match="1 examples have no embedding"):
                transaction.set_active_space(OTHER_SPACE.id)
            with pytest.raises(SpaceMismatchError, match="active space"):
                transaction.drop_space(SPACE.id)
        with catalog.write() as transaction:
            transaction.put_embeddings(OTHER_SPACE.id, ids, vectors)
            transaction.set_active_space(OTHER_SPACE.id)
            transaction.drop_space(SPACE.id)
        assert catalog.state().space == OTHER_SPACE
        np.testing.assert_array_equal(catalog.vectors(OTHER_SPACE.id, ids).vectors, vectors)
        with pytest.raises(SpaceMismatchError):
            catalog.vectors(SPACE.id, ids)
        changes = catalog.changes_since(1)
        assert changes is not None
        assert [change.kind for change in changes] == [ChangeKind.SPACE]

    # Transactions and the change log

    def test_every_change_is_logged_under_its_generation(self, catalog: Catalog) -> None:
        [one] = enroll(catalog, new_example(1, "cup"))
        [two] = enroll(catalog, new_example(2, "bowl"))
        cup, bowl = catalog.class_id("cup"), catalog.class_id("bowl")
        with catalog.write() as transaction:
            transaction.rename_class(cup, "mug")
            transaction.pin_threshold(cup, 0.5, SPACE.id)
            assert transaction.generation == 3
        with catalog.write() as transaction:
            transaction.merge_classes([bowl], cup)
        with catalog.write() as transaction:
            transaction.remove_example(one)
        add, rename, pin = ChangeKind.ADD, ChangeKind.RENAME, ChangeKind.PIN
        move, remove = ChangeKind.MOVE, ChangeKind.REMOVE
        expected = [
            Change(1, add, cup, None),
            Change(1, add, cup, one),
            Change(2, add, bowl, None),
            Change(2, add, bowl, two),
            Change(3, rename, cup, None),
            Change(3, pin, cup, None),
            Change(4, move, cup, two),
            Change(4, remove, bowl, None),
            Change(5, remove, cup, one),
        ]
        assert catalog.generation() == 5
        assert catalog.changes_since(0) == expected
        assert catalog.changes_since(3) == expected[6:]
        assert catalog.changes_since(5) == []

    def test_a_generation_that_is_yet_to_come_has_no_changes_to_follow(
        self, catalog: Catalog
    ) -> None:
        assert catalog.changes_since(1) is None

    def test_a_trimmed_log_says_where_it_no_longer_reaches(self, catalog: Catalog) -> None:
        for number in range(4):
            enroll(catalog, new_example(number))
        with catalog.write() as transaction:
            transaction.trim_changes(keep=2)
        assert catalog.generation() == 4
        assert catalog.changes_since(1) is None
        rest = catalog.changes_since(2)
        assert rest is not None
        assert [change.generation for change in rest] == [3, 4]
        with catalog.write() as transaction:
            transaction.trim_changes(keep=100)
        assert catalog.changes_since(2) == rest

    def test_a_failed_transaction_leaves_no_trace(self, catalog: Catalog) -> None:
        enroll(catalog, new_example(1))
        before = (catalog.state(), catalog.classes(), catalog.examples(), catalog.changes_since(0))

        def fail_midway() -> None:
            with catalog.write() as transaction:
                transaction.add_examples([new_example(2, "bowl")])
                transaction.remove_class(transaction.class_id("cup"))
                transaction.set_target_fpir(0.5)
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            fail_midway()
        after = (catalog.state(), catalog.classes(), catalog.examples(), catalog.changes_since(0))
        assert after == before
        enroll(catalog, new_example(3))
        assert catalog.generation() == 2

    def test_a_transaction_sees_its_writes_and_others_do_not_yet(self, catalog: Catalog) -> None:
        with catalog.write() as transaction:
            transaction.add_examples([new_example(1)])
            assert transaction.counts().examples == 1
            assert catalog.counts().examples == 0
            assert catalog.generation() == 0
        assert catalog.counts().examples == 1
        assert catalog.generation() == 1

    def test_several_questions_get_one_consistent_answer(self, catalog: Catalog) -> None:
        enroll(catalog, new_example(1))
        with catalog.read() as reader:
            assert reader.state().generation == 1
            enroll(catalog, new_example(2))
            assert reader.state().generation == 1
            assert reader.counts().examples == 1
        assert catalog.counts().examples == 2

    def test_what_recognition_does_not_rest_on_leaves_the_generation(
        self, catalog: Catalog
    ) -> None:
        enroll(catalog, new_example(1))
        with catalog.write() as transaction:
            transaction.put_rejects([Reject("a.png", "is blank")])
            transaction.set_attributes(transaction.class_id("cup"), {"a": 1})
            transaction.ensure_class("cup")
            transaction.rename_class(transaction.class_id("cup"), " cup ")
            transaction.add_examples([new_example(1)])
        assert catalog.generation() == 1

    def test_a_write_within_a_write_is_refused(self, catalog: Catalog) -> None:
        with catalog.write(), pytest.raises(RuntimeError, match="within a write"):
            enroll(catalog, new_example(1))
        enroll(catalog, new_example(1))

    def test_threads_write_and_read_at_once(self, catalog: Catalog) -> None:
        def write(thread: int) -> None:
            for number in range(10):
                enroll(catalog, new_example(100 * thread + number, f"class {thread}"))

        def read(_: int) -> None:
            for _ in range(10):
                with catalog.read() as reader:
                    ids, _classes = reader.example_classes()
                    assert len(ids) == reader.counts().examples == reader.state().generation

        with ThreadPoolExecutor(8) as pool:
            writes = [pool.submit(write, thread) for thread in range(4)]
            reads = [pool.submit(read, thread) for thread in range(4)]
            for future in writes + reads:
                future.result()
        assert catalog.generation() == catalog.counts().examples == 40
        assert all(len(hashes) == 10 for hashes in contents(catalog).values())

    # Settings and statistics

    def test_pins_hold_for_their_space_and_are_lifted(self, catalog: Catalog) -> None:
        enroll(catalog, new_example(1, "cup"), new_example(2, "bowl"))
        cup, bowl = catalog.class_id("cup"), catalog.class_id("bowl")
        with catalog.write() as transaction:
            transaction.pin_threshold(cup, 0.625, "space one")
            transaction.pin_threshold(bowl, 0.5, "space two")
        assert catalog.pins() == {cup: 0.625, bowl: 0.5}
        assert catalog.pins([bowl, 999]) == {bowl: 0.5}
        assert catalog.pins(searched_space="space one") == {cup: 0.625}
        assert catalog.class_by_label("cup").pinned_threshold == 0.625
        with catalog.write() as transaction:
            transaction.pin_threshold(cup, None, "space one")
        assert catalog.pins() == {bowl: 0.5}
        assert catalog.class_by_label("cup").pinned_threshold is None

    def test_statistics_are_kept_by_searched_space(self, catalog: Catalog) -> None:
        enroll(catalog, new_example(1, "cup"), new_example(2, "bowl"))
        cup, bowl = catalog.class_id("cup"), catalog.class_id("bowl")
        with catalog.write() as transaction:
            transaction.put_class_statistics("one", {cup: ClassStatistics(0.25, 0.5, 3)})
            transaction.put_class_statistics("two", {cup: ClassStatistics(0.75, 0.5, 4)})
        with catalog.write() as transaction:
            transaction.put_class_statistics(
                "one",
                {
                    bowl: ClassStatistics(0.125, 1.5, 9),
                    cup: ClassStatistics(0.375, 0.25, 5),
                    999: ClassStatistics(0.0, 0.0, 0),
                },
            )
        assert catalog.class_statistics("two") == {cup: ClassStatistics(0.75, 0.5, 4)}
        assert catalog.class_statistics("three") == {}
        table = catalog.statistics_table("one")
        assert table.class_ids.tolist() == [cup, bowl]
        assert table.means.tolist() == [0.375, 0.125]
        assert table.stds.tolist() == [0.25, 1.5]
        assert table.cohort_sizes.tolist() == [5, 9]
        assert catalog.generation() == 3

    def test_the_target_is_kept_and_must_be_a_share(self, catalog: Catalog) -> None:
        with catalog.write() as transaction:
            transaction.set_target_fpir(0.01)
        assert catalog.state().target_fpir == 0.01
        for wrong in (0.0, 1.0, -0.1, float("nan")):
            with catalog.write() as transaction, pytest.raises(GalleryError, match="target FPIR"):
                transaction.set_target_fpir(wrong)

    def test_a_projection_is_kept_when_another_takes_its_place(self, catalog: Catalog) -> None:
        first = StoredProjection("p1", "whitening", b"\x00one")
        for projection in (first, StoredProjection("p2", "linear", b"two"), first):
            with catalog.write() as transaction:
                transaction.set_projection(projection)
            assert catalog.state().projection_id == projection.id
            assert catalog.projection(projection.id) == projection.payload
        with catalog.write() as transaction:
            transaction.set_projection(None)
        assert catalog.state().projection_id is None
        assert catalog.projection("p2") == b"two"
        changes = catalog.changes_since(0)
        assert changes == [Change(g, ChangeKind.SPACE, None, None) for g in (1, 2, 3, 4)]

    def test_a_calibration_takes_the_place_of_the_one_before(self, catalog: Catalog) -> None:
        assert catalog.calibration("searched") is None
        for payload in (b"one", b"two"):
            with catalog.write() as transaction:
                transaction.put_calibration("searched", payload)
        assert catalog.calibration("searched") == b"two"
        assert catalog.calibration("elsewhere") is None
        assert catalog.changes_since(1) == [Change(2, ChangeKind.CALIBRATE, None, None)]

    def test_rejects_are_noted_once_a_source_and_cleared(self, catalog: Catalog) -> None:
        with catalog.write() as transaction:
            transaction.put_rejects([Reject("b.png", "is blank"), Reject("a.png", "is text")])
            transaction.put_rejects([Reject("b.png", "is truncated")])
        assert catalog.rejects() == [Reject("a.png", "is text"), Reject("b.png", "is truncated")]
        with catalog.write() as transaction:
            transaction.clear_rejects(["b.png", "absent.png"])
        assert catalog.rejects() == [Reject("a.png", "is text")]

    # Maintenance

    def test_a_catalog_in_use_has_no_integrity_problems(self, catalog: Catalog) -> None:
        ids = enroll(catalog, *(new_example(n, f"class {n % 5}") for n in range(30)))
        with catalog.write() as transaction:
            transaction.remove_examples(ids[::3])
            transaction.merge_classes(
                [transaction.class_id("class 1")], transaction.class_id("class 2")
            )
        assert catalog.integrity_problems() == []

    def test_the_generation_is_one_cheap_question(self, catalog: Catalog) -> None:
        """It must not begin a transaction: a reader that polls would hold old states alive."""
        before = catalog.generation()
        enroll(catalog, new_example(1))
        assert catalog.generation() == before + 1
