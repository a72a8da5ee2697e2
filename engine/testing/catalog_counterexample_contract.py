"""What every catalog must do with counterexamples."""

from __future__ import annotations

import numpy as np
import pytest

from ..catalog import Catalog
from ..errors import ExampleNotFoundError, GalleryError, SpaceMismatchError
from ..types import ChangeKind, NewExample
from .catalog_samples import OTHER_SPACE, SPACE, content_hash, direction, enroll, new_example


def reject(catalog: Catalog, label: str, *pictures: NewExample) -> list[int]:
    """Keep pictures that aren't of a class; return their ids."""
    with catalog.write() as transaction:
        class_id = transaction.classes.ensure(label)
        return [transaction.counterexamples.add(picture, class_id) for picture in pictures]


class CounterexampleContract:
    """Adding, finding, moving and removing what isn't of a class."""

    def test_a_counterexample_comes_back_as_it_was_written(self, catalog: Catalog) -> None:
        first, bare = reject(catalog, "cup", new_example(1, "mug"), new_example(2, picture=None))
        with catalog.read() as reader:
            kept, other = reader.counterexamples.listed()
            assert reader.counterexamples.of_contents([content_hash(1)]) == [kept]
            assert reader.counterexamples.listed(kept.class_id, ids=[bare]) == [other]
            assert reader.counterexamples.picture(first) == b"picture 1"
            assert reader.counterexamples.picture(bare) is None
            batch = reader.whole.counterexamples(SPACE)
            assert reader.counterexamples.count() == 2
            assert reader.examples.listed() == []
        assert (kept.id, kept.label, kept.source, kept.has_picture) == (first, "cup", "1.png", True)
        assert (kept.width, kept.height, other.has_picture) == (11, 20, False)
        assert (batch.ids.tolist(), set(batch.class_ids.tolist())) == (
            [first, bare],
            {kept.class_id},
        )
        np.testing.assert_array_equal(batch.vectors, [direction(1), direction(2)])

    def test_the_same_picture_is_one_counterexample_of_each_class(self, catalog: Catalog) -> None:
        [first] = reject(catalog, "cup", new_example(1))
        [again, other] = [
            *reject(catalog, "cup", new_example(1)),
            *reject(catalog, "mug", new_example(1)),
        ]
        assert again == first != other

    def test_the_log_names_the_class(self, catalog: Catalog) -> None:
        enroll(catalog, new_example(1))
        before = catalog.generation()
        [counterexample] = reject(catalog, "cup", new_example(2))
        with catalog.write() as transaction:
            transaction.counterexamples.remove([counterexample])
        changes = catalog.ask(lambda read: read.log.since(before))
        assert changes is not None
        class_id = catalog.ask(lambda read: read.classes.id_of("cup"))
        assert [(c.kind, c.class_id, c.example_id) for c in changes] == [
            (ChangeKind.COUNTEREXAMPLE, class_id, None)
        ] * 2

    def test_ids_are_not_given_again_and_what_is_gone_is_said(self, catalog: Catalog) -> None:
        [first] = reject(catalog, "cup", new_example(1))
        with catalog.write() as transaction:
            transaction.counterexamples.remove([first])
        [second] = reject(catalog, "cup", new_example(1))
        assert second > first
        for missing in (first, -1, 1 << 70):
            with (
                catalog.write() as transaction,
                pytest.raises(ExampleNotFoundError, match="no counterexample with the id"),
            ):
                transaction.counterexamples.remove([second, missing])
        assert [each.id for each in catalog.ask(lambda read: read.counterexamples.listed())] == [
            second
        ]

    def test_they_go_with_their_class(self, catalog: Catalog) -> None:
        reject(catalog, "cup", new_example(1))
        [kept] = reject(catalog, "mug", new_example(2))
        with catalog.write() as transaction:
            transaction.classes.remove(transaction.read.classes.id_of("cup"))
        with catalog.read() as reader:
            assert [each.id for each in reader.counterexamples.listed()] == [kept]
            assert reader.whole.counterexamples(SPACE).ids.tolist() == [kept]

    def test_a_merge_moves_them_but_those_that_are_examples_then(self, catalog: Catalog) -> None:
        enroll(catalog, new_example(1, "cup"), new_example(2, "mug"))
        reject(catalog, "cup", new_example(2), new_example(3), new_example(4))
        reject(catalog, "mug", new_example(1), new_example(3))
        with catalog.write() as transaction:
            cup, mug = (transaction.read.classes.id_of(label) for label in ("cup", "mug"))
            transaction.classes.merge([cup], mug)
        kept = catalog.ask(lambda read: read.counterexamples.listed(mug))
        assert sorted(each.source for each in kept) == ["3.png", "4.png"]
        assert catalog.integrity_problems() == []

    def test_vectors_of_another_space_stand_beside(self, catalog: Catalog) -> None:
        first, bare = reject(catalog, "cup", new_example(1), new_example(2, picture=None))
        with catalog.write() as transaction:
            transaction.spaces.add(OTHER_SPACE)
            assert transaction.read.counterexamples.lacking(OTHER_SPACE.id) == ([first], [bare])
            transaction.counterexamples.put_vectors(OTHER_SPACE.id, {first: direction(1, 2)})
            transaction.counterexamples.put_vectors(OTHER_SPACE.id, {first: direction(3, 2)})
        with catalog.read() as reader:
            assert reader.counterexamples.lacking(OTHER_SPACE.id) == ([], [bare])
            assert reader.whole.counterexamples(SPACE).ids.tolist() == [first, bare]
            found = reader.whole.counterexamples(OTHER_SPACE)
        np.testing.assert_array_equal(found.vectors, [direction(3, 2)])

    def test_only_vectors_of_the_gallery_s_space_are_taken(self, catalog: Catalog) -> None:
        with pytest.raises(SpaceMismatchError, match="re-embedded meanwhile"):
            reject(catalog, "cup", new_example(1, space_id="another"))
        with pytest.raises(GalleryError, match="unit length"):
            reject(catalog, "cup", new_example(1, vector=2 * direction(1)))
        assert catalog.ask(lambda read: read.counterexamples.count()) == 0
