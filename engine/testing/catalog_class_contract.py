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
