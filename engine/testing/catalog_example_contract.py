"""What every catalog must do with examples."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from ..catalog import Catalog
from ..errors import ExampleNotFoundError, GalleryError
from ..types import ChangeKind, Reject, StoredLocalFeatures
from .catalog_samples import SPACE, content_hash, enroll, new_example


class ExampleContract:
    """Adding, finding and removing examples."""

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

    def test_local_features_come_back_and_go_with_their_example(self, catalog: Catalog) -> None:
        found = StoredLocalFeatures("points", b"many")
        cup, bowl = enroll(catalog, new_example(1, local_features=found), new_example(2))
        assert catalog.local_features([cup, bowl]) == {cup: found}
        assert dict(catalog.iter_local_features()) == {cup: found}
        assert catalog.without_local_features("points") == ([bowl], [])
        assert catalog.without_local_features("others") == ([cup, bowl], [])
        with catalog.write() as transaction:
            transaction.remove_example(cup)
        assert catalog.local_features([cup, bowl]) == {}

    def test_local_features_put_later_replace_and_are_told_of(self, catalog: Catalog) -> None:
        cup, bare = enroll(
            catalog,
            new_example(1, local_features=StoredLocalFeatures("points", b"old")),
            new_example(2, picture=None),
        )
        before = catalog.generation()
        new = StoredLocalFeatures("points", b"new")
        with catalog.write() as transaction:
            transaction.put_local_features({cup: new, bare: new, 999: new})
        assert catalog.local_features([cup, bare]) == {cup: new, bare: new}
        changes = catalog.changes_since(before)
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
