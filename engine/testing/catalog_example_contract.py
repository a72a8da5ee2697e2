"""What every catalog must do with examples."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from ..catalog import Catalog
from ..catalog.examples import ExampleReading
from ..errors import ExampleNotFoundError, GalleryError, SpaceMismatchError
from ..types import ChangeKind, Reject, StoredLocalFeatures
from .catalog_samples import OTHER_SPACE, SPACE, content_hash, enroll, new_example


class _Counting:
    """A session that counts the rows it fetches."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self.rows = 0

    def execute(self, query: Any) -> list[Any]:
        rows = list(self._session.execute(query))
        self.rows += len(rows)
        return rows


class ExampleContract:
    """Adding, finding and removing examples."""

    def test_an_example_comes_back_as_it_was_written(self, catalog: Catalog) -> None:
        written = new_example(1, warnings=("is blank", "is blurred"))
        [example_id] = enroll(catalog, written)
        [record] = catalog.ask(lambda read: read.examples.listed())
        assert record == catalog.ask(lambda read: read.examples.of_content(written.content_hash))[0]
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

    def test_local_features_come_back_and_go_with_their_example(self, catalog: Catalog) -> None:
        found = StoredLocalFeatures("points", b"many")
        cup, bowl = enroll(catalog, new_example(1, local_features=found), new_example(2))
        assert catalog.ask(lambda read: read.local_features.of([cup, bowl])) == {cup: found}
        assert dict(catalog.stream(lambda read: read.whole.local_features())) == {cup: found}
        assert catalog.ask(lambda read: read.local_features.lacking("points")) == ([bowl], [])
        assert catalog.ask(lambda read: read.local_features.lacking("others")) == ([cup, bowl], [])
        with catalog.write() as transaction:
            transaction.examples.remove(cup)
        assert catalog.ask(lambda read: read.local_features.of([cup, bowl])) == {}

    def test_local_features_put_later_replace_and_are_told_of(self, catalog: Catalog) -> None:
        cup, bare = enroll(
            catalog,
            new_example(1, local_features=StoredLocalFeatures("points", b"old")),
            new_example(2, picture=None),
        )
        before = catalog.generation()
        new = StoredLocalFeatures("points", b"new")
        with catalog.write() as transaction:
            transaction.local_features.put({cup: new, bare: new, 999: new})
        assert catalog.ask(lambda read: read.local_features.of([cup, bare])) == {
            cup: new,
            bare: new,
        }
        changes = catalog.ask(lambda read: read.log.since(before))
        assert changes is not None
        assert {(c.kind, c.example_id) for c in changes} == {
            (ChangeKind.ADD, cup),
            (ChangeKind.ADD, bare),
        }

    def test_how_many_points_are_kept_is_a_setting(self, catalog: Catalog) -> None:
        assert catalog.state().local_points == 0
        with catalog.write() as transaction:
            transaction.set_local_points(500)
        assert catalog.state().local_points == 500
        with catalog.write() as transaction, pytest.raises(GalleryError, match="0 points or more"):
            transaction.set_local_points(-1)

    def test_adding_one_example_returns_its_record(self, catalog: Catalog) -> None:
        with catalog.write() as transaction:
            class_id = transaction.classes.ensure("cup")
            record = transaction.examples.add(new_example(1), class_id)
        assert catalog.ask(lambda read: read.examples.listed()) == [record]
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
        assert [
            e.label for e in catalog.ask(lambda read: read.examples.of_content(content_hash(1)))
        ] == ["cup", "bowl"]

    def test_ids_follow_the_order_of_the_batch(self, catalog: Catalog) -> None:
        ids = enroll(catalog, *(new_example(n, f"class {n % 7}") for n in range(2500)))
        assert ids == sorted(ids)
        assert len(set(ids)) == 2500
        assert [e.content_hash for e in catalog.ask(lambda read: read.examples.listed())] == [
            content_hash(n) for n in range(2500)
        ]

    def test_ids_are_never_used_again(self, catalog: Catalog) -> None:
        [example_id] = enroll(catalog, new_example(1))
        class_id = catalog.ask(lambda read: read.classes.id_of("cup"))
        with catalog.write() as transaction:
            transaction.classes.remove(class_id)
        assert enroll(catalog, new_example(1))[0] > example_id
        assert catalog.ask(lambda read: read.classes.id_of("cup")) > class_id

    def test_examples_are_found_by_class_and_by_id(self, catalog: Catalog) -> None:
        one, two, three = enroll(catalog, *(new_example(n, f"c{n % 2}") for n in (1, 2, 3)))
        odd = catalog.ask(lambda read: read.classes.id_of("c1"))
        assert [e.id for e in catalog.ask(lambda read: read.examples.listed(odd))] == [one, three]
        assert [
            e.id for e in catalog.ask(lambda read: read.examples.listed(ids=[three, two, 999]))
        ] == [two, three]
        assert [
            e.id for e in catalog.ask(lambda read: read.examples.listed(odd, ids=[two, three]))
        ] == [three]
        assert catalog.ask(lambda read: read.examples.listed(999)) == []
        assert list(catalog.stream(lambda read: read.examples.stream())) == catalog.ask(
            lambda read: read.examples.listed()
        )
        assert [e.id for e in catalog.stream(lambda read: read.examples.stream(after_id=one))] == [
            two,
            three,
        ]

    def test_examples_of_one_bulk_source_are_streamed_alone(self, catalog: Catalog) -> None:
        enroll(
            catalog,
            new_example(1, origin="/a"),
            new_example(2, origin="/b"),
            new_example(3),
            new_example(4, origin="/a"),
        )
        assert [
            e.source for e in catalog.stream(lambda read: read.examples.stream(origin="/a"))
        ] == ["1.png", "4.png"]
        assert list(catalog.stream(lambda read: read.examples.stream(origin="/c"))) == []

    def test_example_and_class_ids_come_as_arrays(self, catalog: Catalog) -> None:
        ids, class_ids = catalog.ask(lambda read: read.whole.examples())
        assert ids.shape == class_ids.shape == (0,)
        added = enroll(catalog, *(new_example(n, f"c{n % 2}") for n in range(3)))
        ids, class_ids = catalog.ask(lambda read: read.whole.examples())
        assert ids.dtype == class_ids.dtype == np.int64
        assert ids.tolist() == added
        assert [catalog.ask(lambda read: read.classes.labels())[i] for i in class_ids.tolist()] == [
            "c0",
            "c1",
            "c0",
        ]

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
        assert catalog.ask(lambda read: read.examples.listed())[0].source == source
        assert [
            e.id for e in catalog.ask(lambda read: read.examples.of_sources([source, "absent"]))
        ] == [example_id]
        assert catalog.ask(lambda read: read.examples.known_sources([("cup", source)])) == {
            ("cup", source): [(example_id, content_hash(1))]
        }
        with catalog.write() as transaction:
            transaction.rejects.put([Reject(source, f"{source}: is no picture")])
        assert catalog.ask(lambda read: read.rejects()) == [
            Reject(source, f"{source}: is no picture")
        ]

    def test_known_sources_are_keyed_as_asked(self, catalog: Catalog) -> None:
        one, two, _ = enroll(
            catalog,
            new_example(1, "cup", source="a.png"),
            new_example(2, "cup", source="a.png"),
            new_example(1, "bowl", source="a.png"),
        )
        asked = [(" cup ", "a.png"), ("cup", "b.png"), ("no\nlabel", "a.png")]
        assert catalog.ask(lambda read: read.examples.known_sources(asked)) == {
            (" cup ", "a.png"): [(one, content_hash(1)), (two, content_hash(2))]
        }

    def test_what_names_no_file_is_looked_up_among_its_class_alone(self, catalog: Catalog) -> None:
        """Else every batch of pictures from memory would read all that came before."""
        enroll(catalog, *(new_example(n, f"class {n}", source="<bytes>") for n in range(50)))
        [named] = enroll(catalog, new_example(50, "class 7", source="a.png"))
        asked = [("class 7", "<bytes>"), ("class 7", "a.png"), ("class 50", "<bytes>")]
        with catalog.read() as reader:
            counting = _Counting(reader.session)
            found = ExampleReading(counting).known_sources(asked)  # type: ignore[arg-type]
        assert found == {
            ("class 7", "<bytes>"): [(8, content_hash(7))],
            ("class 7", "a.png"): [(named, content_hash(50))],
        }
        assert counting.rows == 3

    def test_many_values_are_looked_up_at_once(self, catalog: Catalog) -> None:
        ids = enroll(catalog, *(new_example(n, f"class {n}") for n in range(2500)))
        sources = [(f"class {n}", f"{n}.png") for n in range(2500)]
        assert len(catalog.ask(lambda read: read.examples.known_sources(sources))) == 2500
        hashes = [content_hash(n) for n in range(2500)]
        assert [e.id for e in catalog.ask(lambda read: read.examples.of_contents(hashes))] == ids
        assert catalog.ask(lambda read: read.embeddings.of(SPACE.id, ids)).ids.tolist() == ids
        assert (
            len(
                catalog.ask(
                    lambda read: read.classes.labels(
                        list(catalog.ask(lambda read: read.classes.labels()))
                    )
                )
            )
            == 2500
        )
        with catalog.write() as transaction:
            transaction.examples.remove_all(ids)
        assert catalog.counts() == (2500, 0, 0, 0)

    def test_removing_an_example_leaves_its_class(self, catalog: Catalog) -> None:
        one, two = enroll(catalog, new_example(1), new_example(2))
        with catalog.write() as transaction:
            transaction.examples.remove(one)
        assert [example.id for example in catalog.ask(lambda read: read.examples.listed())] == [two]
        assert catalog.ask(lambda read: read.classes.by_label("cup")).examples == 1
        with catalog.write() as transaction, pytest.raises(ExampleNotFoundError, match=str(one)):
            transaction.examples.remove(one)

    def test_texts_are_examples_apart_from_pictures(self, catalog: Catalog) -> None:
        told = new_example(2, "cup", text="a cup", picture=None)
        cup, text, mug = enroll(catalog, new_example(1), told, new_example(3, "mug"))
        records = catalog.ask(lambda read: read.examples.listed())
        assert [(each.id, each.text) for each in records] == [
            (cup, None),
            (text, "a cup"),
            (mug, None),
        ]
        with catalog.whole() as whole:
            texts, (pictures, _), sampled = whole.texts(SPACE), whole.examples(), whole.sample(2)
        assert (texts.ids.tolist(), texts.texts) == ([text], ("a cup",))
        np.testing.assert_array_equal(texts.vectors[0], told.vector)
        assert texts.words.shape == (0, SPACE.dimension)
        assert pictures.tolist() == sorted(sampled.tolist()) == [cup, mug]
        ids = [cup, text, mug]
        assert catalog.ask(lambda read: read.embeddings.of(SPACE.id, ids)).ids.tolist() == [
            cup,
            mug,
        ]
        assert catalog.ask(lambda read: read.local_features.lacking("points")) == ([cup, mug], [])
        assert catalog.integrity_problems() == []

    def test_the_log_tells_that_texts_changed_not_which(self, catalog: Catalog) -> None:
        cup, text = enroll(
            catalog, new_example(1, "mug"), new_example(2, "cup", text="a cup", picture=None)
        )
        [mug_id, cup_id] = catalog.ask(
            lambda read: [read.classes.id_of("mug"), read.classes.id_of("cup")]
        )
        words = np.eye(SPACE.dimension, dtype=np.float32)[:3]
        before = catalog.generation()
        with catalog.write() as transaction:
            transaction.spaces.set_words(SPACE.id, words)
        with catalog.write() as transaction:
            transaction.classes.merge([cup_id], mug_id)
        with catalog.whole() as whole:
            found = whole.texts(SPACE)
        assert found.class_ids.tolist() == [mug_id]
        np.testing.assert_array_equal(found.words, words)
        with catalog.write() as transaction:
            transaction.examples.remove_all([cup, text])
        changes = catalog.ask(lambda read: read.log.since(before))
        assert changes is not None
        assert [(each.kind, each.class_id, each.example_id) for each in changes] == [
            (ChangeKind.TEXT, None, None),
            (ChangeKind.TEXT, mug_id, None),
            (ChangeKind.REMOVE, cup_id, None),
            (ChangeKind.REMOVE, mug_id, cup),
            (ChangeKind.TEXT, mug_id, None),
        ]

    def test_texts_without_a_vector_keep_a_space_from_being_taken(self, catalog: Catalog) -> None:
        [text] = enroll(catalog, new_example(2, "cup", text="a cup", picture=None))
        with catalog.write() as transaction:
            transaction.spaces.add(OTHER_SPACE)
        assert catalog.ask(lambda read: read.embeddings.lacking(OTHER_SPACE.id)) == ([], [])
        assert catalog.ask(lambda read: read.embeddings.lacking_texts(OTHER_SPACE.id)) == {
            text: "a cup"
        }
        with pytest.raises(SpaceMismatchError), catalog.write() as transaction:
            transaction.spaces.activate(OTHER_SPACE.id)
