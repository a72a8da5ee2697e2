"""What every catalog must do with classes."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta

import pytest

from ..catalog import Catalog
from ..errors import ClassExistsError, ClassNotFoundError, GalleryError, LabelError
from ..types import ClassStatistics
from .catalog_samples import SPACE, enroll, new_example


class ClassContract:
    """Making, finding, renaming, merging and removing classes."""

    def test_a_class_is_made_once_and_its_attributes_are_merged(self, catalog: Catalog) -> None:
        with catalog.write() as transaction:
            first = transaction.classes.ensure("cup", {"colour": "red", "price": 3})
            second = transaction.classes.ensure("  cup ", {"price": 4})
        assert first == second
        assert catalog.ask(lambda read: read.classes.by_label("cup")).attributes == {
            "colour": "red",
            "price": 4,
        }

    def test_labels_are_the_same_in_every_unicode_form(self, catalog: Catalog) -> None:
        composed, decomposed = "caf\u00e9", "cafe\u0301"
        with catalog.write() as transaction:
            class_id = transaction.classes.add(decomposed)
            with pytest.raises(ClassExistsError, match="already a class"):
                transaction.classes.add(composed)
        assert catalog.ask(lambda read: read.classes.labels()) == {class_id: composed}
        assert catalog.ask(lambda read: read.classes.id_of(decomposed)) == class_id

    def test_a_label_that_can_not_be_one_is_refused(self, catalog: Catalog) -> None:
        with catalog.write() as transaction, pytest.raises(LabelError):
            transaction.classes.ensure("two\nlines")
        assert catalog.ask(lambda read: read.classes.listed()) == []

    def test_classes_come_by_code_point_and_in_pages(self, catalog: Catalog) -> None:
        labels = ["zebra", "Äpfel", "apple", "Zoo", "10", "9", "🦊", "狐"]
        with catalog.write() as transaction:
            for label in labels:
                transaction.classes.add(label)
        expected = sorted(unicodedata.normalize("NFC", label) for label in labels)
        assert [
            record.label for record in catalog.ask(lambda read: read.classes.listed())
        ] == expected
        paged: list[str] = []
        with catalog.read() as reader:
            while page := reader.classes.listed(after=paged[-1] if paged else None, limit=3):
                paged += [record.label for record in page]
        assert paged == expected

    def test_a_search_ignores_case_and_takes_wildcards_literally(self, catalog: Catalog) -> None:
        with catalog.write() as transaction:
            for label in ["Éclair", "100% wool", "100 wool", "a_b", "aXb"]:
                transaction.classes.add(label)
        assert [
            record.label
            for record in catalog.ask(lambda read: read.classes.listed(search="éCLAIR"))
        ] == ["Éclair"]
        assert [
            record.label for record in catalog.ask(lambda read: read.classes.listed(search="0%"))
        ] == ["100% wool"]
        assert [
            record.label for record in catalog.ask(lambda read: read.classes.listed(search="A_B"))
        ] == ["a_b"]

    def test_a_class_that_is_not_there_is_named_with_those_much_like_it(
        self, catalog: Catalog
    ) -> None:
        with catalog.write() as transaction:
            transaction.classes.add("Polar Bear")
            transaction.classes.add("teapot")
        with pytest.raises(ClassNotFoundError, match="'polar baer'; did you mean 'Polar Bear'"):
            catalog.ask(lambda read: read.classes.by_label("polar baer"))
        with pytest.raises(ClassNotFoundError):
            catalog.ask(lambda read: read.classes.by_id(12345))

    def test_a_renamed_class_keeps_its_id_and_examples(self, catalog: Catalog) -> None:
        [example_id] = enroll(catalog, new_example(1, "cup"))
        class_id = catalog.ask(lambda read: read.classes.id_of("cup"))
        with catalog.write() as transaction:
            transaction.classes.rename(class_id, "mug")
        assert catalog.ask(lambda read: read.classes.labels()) == {class_id: "mug"}
        [example] = catalog.ask(lambda read: read.examples.listed(class_id))
        assert (example.id, example.label) == (example_id, "mug")
        with pytest.raises(ClassNotFoundError):
            catalog.ask(lambda read: read.classes.id_of("cup"))

    def test_renaming_to_another_class_s_label_is_refused(self, catalog: Catalog) -> None:
        enroll(catalog, new_example(1, "cup"), new_example(2, "mug"))
        with catalog.write() as transaction, pytest.raises(ClassExistsError, match="merge"):
            transaction.classes.rename(transaction.read.classes.id_of("cup"), "mug")

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
        into = catalog.ask(lambda read: read.classes.id_of("cup"))
        with catalog.write() as transaction:
            transaction.classes.merge(
                [
                    transaction.read.classes.id_of("mug"),
                    transaction.read.classes.id_of("beaker"),
                    into,
                ],
                into,
            )
        assert [(e.id, e.class_id) for e in catalog.ask(lambda read: read.examples.listed())] == [
            (first, into),
            (moved, into),
        ]
        assert catalog.picture(second_copy) is None
        [record] = catalog.ask(lambda read: read.classes.listed())
        assert record.attributes == {"shelf": 1, "old": True, "colour": "red"}
        assert record.examples == 2

    def test_removing_a_class_removes_all_that_hangs_on_it(self, catalog: Catalog) -> None:
        removed, kept = enroll(catalog, new_example(1, "cup"), new_example(2, "bowl"))
        cup, bowl = (
            catalog.ask(lambda read: read.classes.id_of("cup")),
            catalog.ask(lambda read: read.classes.id_of("bowl")),
        )
        statistics = ClassStatistics(0.25, 0.125, 7)
        with catalog.write() as transaction:
            transaction.learned.put_statistics("searched", {cup: statistics, bowl: statistics})
            transaction.classes.pin_threshold(cup, 0.5, "searched")
            transaction.classes.remove(cup)
        assert catalog.ask(lambda read: read.classes.labels()) == {bowl: "bowl"}
        assert [example.id for example in catalog.ask(lambda read: read.examples.listed())] == [
            kept
        ]
        assert catalog.ask(
            lambda read: read.embeddings.of(SPACE.id, [removed, kept])
        ).ids.tolist() == [kept]
        assert catalog.picture(removed) is None
        assert catalog.ask(lambda read: read.learned.statistics("searched")) == {bowl: statistics}
        assert catalog.ask(lambda read: read.classes.pins()) == {}
        with catalog.write() as transaction, pytest.raises(ClassNotFoundError):
            transaction.classes.remove(cup)

    def test_only_an_empty_class_is_removed_as_empty(self, catalog: Catalog) -> None:
        [example_id] = enroll(catalog, new_example(1))
        class_id = catalog.ask(lambda read: read.classes.id_of("cup"))
        with catalog.write() as transaction:
            assert not transaction.classes.remove_if_empty(class_id)
            transaction.examples.remove(example_id)
            assert transaction.classes.remove_if_empty(class_id)
        assert catalog.ask(lambda read: read.classes.listed()) == []

    def test_attributes_are_replaced_whole_and_must_be_json(self, catalog: Catalog) -> None:
        with catalog.write() as transaction:
            class_id = transaction.classes.add("cup", {"a": 1, "text": "naïve \u2028", "n": [None]})
        assert catalog.ask(lambda read: read.classes.by_id(class_id)).attributes == {
            "a": 1,
            "text": "naïve \u2028",
            "n": [None],
        }
        with catalog.write() as transaction:
            transaction.classes.set_attributes(class_id, {"b": 2})
        assert catalog.ask(lambda read: read.classes.by_id(class_id)).attributes == {"b": 2}
        for wrong in ({"x": float("nan")}, {"x": object()}, {"x": {1, 2}}):
            with catalog.write() as transaction, pytest.raises(GalleryError, match="'cup' must be"):
                transaction.classes.set_attributes(class_id, wrong)
        assert catalog.ask(lambda read: read.classes.by_id(class_id)).attributes == {"b": 2}

    def test_a_class_is_dated_in_utc_and_its_update_moves_on(self, catalog: Catalog) -> None:
        start = datetime.now(UTC)
        enroll(catalog, new_example(1))
        made = catalog.ask(lambda read: read.classes.by_label("cup"))
        assert start - timedelta(seconds=1) <= made.created_at <= datetime.now(UTC)
        assert made.created_at.utcoffset() == timedelta(0)
        enroll(catalog, new_example(2))
        changed = catalog.ask(lambda read: read.classes.by_label("cup"))
        assert changed.created_at == made.created_at
        assert changed.updated_at > made.updated_at
