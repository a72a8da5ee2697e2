"""What every catalog must do, whatever database is behind it.

Subclass `CatalogContract` in a test module and say where a database may be made; pytest then runs
the whole contract over it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from ..catalog import Catalog, StoredProjection
from ..catalog.models import ClassRow
from ..errors import (
    ClassNotFoundError,
    ExampleNotFoundError,
    GalleryError,
    JobNotFoundError,
    LabelError,
    SpaceMismatchError,
    StorageError,
)
from ..types import Change, ChangeKind, ClassStatistics, KeepPictures, Reject
from .catalog_change_contract import ChangeContract
from .catalog_class_contract import ClassContract
from .catalog_counterexample_contract import CounterexampleContract
from .catalog_example_contract import ExampleContract
from .catalog_samples import OTHER_SPACE, SPACE, enroll, new_example
from .catalog_vector_contract import VectorContract


class CatalogContract(
    ClassContract, ExampleContract, CounterexampleContract, VectorContract, ChangeContract
):
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

    def test_a_fresh_catalog_is_empty_and_knows_its_space(self, catalog: Catalog) -> None:
        state = catalog.state()
        assert state.space == SPACE
        assert state.generation == catalog.generation() == 0
        assert state.keep_pictures is KeepPictures.BOUNDED
        assert state.projection_id is None
        assert state.target_fpir == 0.05
        assert catalog.counts() == (0, 0, 0, 0)
        assert catalog.ask(lambda read: read.log.since(0)) == []
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
        before = (
            catalog.state(),
            catalog.ask(lambda read: read.classes.listed()),
            catalog.ask(lambda read: read.examples.listed()),
        )
        catalog.close()
        with Catalog.open(location) as again:
            assert (
                again.state(),
                again.ask(lambda read: read.classes.listed()),
                again.ask(lambda read: read.examples.listed()),
            ) == before

    def test_a_closed_catalog_refuses_use(self, catalog: Catalog) -> None:
        catalog.close()
        with pytest.raises(GalleryError, match="was closed"):
            catalog.generation()
        with pytest.raises(GalleryError, match="was closed"):
            catalog.ask(lambda read: read.classes.listed())

    def test_pins_hold_for_their_space_and_are_lifted(self, catalog: Catalog) -> None:
        enroll(catalog, new_example(1, "cup"), new_example(2, "bowl"))
        cup, bowl = (
            catalog.ask(lambda read: read.classes.id_of("cup")),
            catalog.ask(lambda read: read.classes.id_of("bowl")),
        )
        with catalog.write() as transaction:
            transaction.classes.pin_threshold(cup, 0.625, "space one")
            transaction.classes.pin_threshold(bowl, 0.5, "space two")
        assert catalog.ask(lambda read: read.classes.pins()) == {cup: 0.625, bowl: 0.5}
        assert catalog.ask(lambda read: read.classes.pins([bowl, 999])) == {bowl: 0.5}
        assert catalog.ask(lambda read: read.classes.pins(searched_space="space one")) == {
            cup: 0.625
        }
        assert catalog.ask(lambda read: read.classes.by_label("cup")).pinned_threshold == 0.625
        with catalog.write() as transaction:
            transaction.classes.pin_threshold(cup, None, "space one")
        assert catalog.ask(lambda read: read.classes.pins()) == {bowl: 0.5}
        assert catalog.ask(lambda read: read.classes.by_label("cup")).pinned_threshold is None

    @pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, "0.5"])
    def test_a_threshold_and_a_target_lie_between_0_and_1(
        self, catalog: Catalog, value: Any
    ) -> None:
        enroll(catalog, new_example(1, "cup"))
        with catalog.write() as transaction:
            with pytest.raises(GalleryError, match="must be a number from 0 to 1"):
                transaction.classes.pin_threshold(
                    catalog.ask(lambda read: read.classes.id_of("cup")), value, "space"
                )
            with pytest.raises(GalleryError, match="must lie between 0 and 1"):
                transaction.set_target_fpir(value)
        assert catalog.ask(lambda read: read.classes.pins()) == {}

    @pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 2**200, -1, 0])
    def test_nothing_has_an_id_that_no_row_can_have(self, catalog: Catalog, number: int) -> None:
        enroll(catalog, new_example(1, "cup"))
        with pytest.raises(ClassNotFoundError):
            catalog.ask(lambda read: read.classes.by_id(number))
        with pytest.raises(ExampleNotFoundError), catalog.write() as transaction:
            transaction.examples.remove(number)
        with pytest.raises(JobNotFoundError):
            catalog.service.jobs.get(number)
        assert catalog.ask(lambda read: read.examples.listed(number)) == []
        assert catalog.ask(lambda read: read.examples.listed(ids=[number])) == []
        assert catalog.ask(lambda read: read.classes.labels([number])) == {}
        assert catalog.picture(number) is None
        assert catalog.ask(lambda read: read.embeddings.of(SPACE.id, [number])).ids.size == 0

    def test_as_many_classes_are_listed_as_asked_for(self, catalog: Catalog) -> None:
        enroll(catalog, new_example(1, "cup"), new_example(2, "bowl"))
        assert len(catalog.ask(lambda read: read.classes.listed(limit=1))) == 1
        assert catalog.ask(lambda read: read.classes.listed(limit=0)) == []
        assert len(catalog.ask(lambda read: read.classes.listed(limit=2**200))) == 2
        with pytest.raises(GalleryError, match="0 or more"):
            catalog.ask(lambda read: read.classes.listed(limit=-1))

    def test_a_very_long_source_is_known_again(self, catalog: Catalog) -> None:
        source = "x" * 100_000 + ".png"
        enroll(catalog, new_example(1, "cup", source=source))
        [example] = catalog.ask(lambda read: read.examples.of_sources([source]))
        assert len(example.source) < 1000
        assert catalog.ask(lambda read: read.examples.known_sources([("cup", source)])).keys() == {
            ("cup", source)
        }
        assert catalog.ask(lambda read: read.examples.of_sources(["y" + source])) == []

    def test_a_label_of_former_rules_can_be_found_and_renamed(self, catalog: Catalog) -> None:
        enroll(catalog, new_example(1, "cup"))
        with catalog.write() as transaction:
            transaction.session.execute(update(ClassRow).values(label="\u3164"))
        with pytest.raises(LabelError):
            catalog.ask(lambda read: read.classes.id_of("\u2800"))
        with catalog.write() as transaction:
            transaction.classes.rename(transaction.read.classes.id_of("\u3164"), "cup")
        assert catalog.ask(lambda read: read.classes.labels()).popitem()[1] == "cup"

    def test_a_broken_rule_of_the_database_is_no_damage(self, catalog: Catalog) -> None:
        enroll(catalog, new_example(1, "cup"), new_example(2, "bowl"))
        with pytest.raises(StorageError, match="conflicts"), catalog.write() as transaction:
            transaction.session.execute(update(ClassRow).values(label="bowl"))
        assert sorted(catalog.ask(lambda read: read.classes.labels()).values()) == ["bowl", "cup"]

    def test_statistics_are_kept_by_searched_space(self, catalog: Catalog) -> None:
        enroll(catalog, new_example(1, "cup"), new_example(2, "bowl"))
        cup, bowl = (
            catalog.ask(lambda read: read.classes.id_of("cup")),
            catalog.ask(lambda read: read.classes.id_of("bowl")),
        )
        with catalog.write() as transaction:
            transaction.learned.put_statistics("one", {cup: ClassStatistics(0.25, 0.5, 3)})
            transaction.learned.put_statistics("two", {cup: ClassStatistics(0.75, 0.5, 4)})
        with catalog.write() as transaction:
            transaction.learned.put_statistics(
                "one",
                {
                    bowl: ClassStatistics(0.125, 1.5, 9),
                    cup: ClassStatistics(0.375, 0.25, 5),
                    999: ClassStatistics(0.0, 0.0, 0),
                },
            )
        assert catalog.ask(lambda read: read.learned.statistics("two")) == {
            cup: ClassStatistics(0.75, 0.5, 4)
        }
        assert catalog.ask(lambda read: read.learned.statistics("three")) == {}
        table = catalog.ask(lambda read: read.whole.statistics("one"))
        assert catalog.ask(lambda read: read.learned.statistics("one"))[bowl].cohort_size == 9
        rows = sorted(zip(*(column.tolist() for column in table), strict=True))
        assert rows == [(cup, 0.375, 0.25), (bowl, 0.125, 1.5)]
        assert catalog.generation() == 3
        assert catalog.ask(lambda read: read.log.since(1)) == [
            Change(generation, ChangeKind.CALIBRATE, class_id, None)
            for generation, class_id in ((2, cup), (2, cup), (3, cup), (3, bowl))
        ]

    def test_the_log_does_not_name_a_great_many_classes(self, catalog: Catalog) -> None:
        with catalog.write() as transaction:
            ids = transaction.classes.ensure_all({f"class {i}": {} for i in range(1500)})
        statistics = {class_id: ClassStatistics(0.25, 0.5, 3) for class_id in ids.values()}
        with catalog.write() as transaction:
            transaction.learned.put_statistics("one", statistics)
        assert catalog.ask(lambda read: read.log.since(1)) == [
            Change(2, ChangeKind.CALIBRATE, None, None)
        ]
        assert sorted(catalog.ask(lambda read: read.whole.statistics("one")).class_ids) == sorted(
            ids.values()
        )
        assert len(catalog.ask(lambda read: read.classes.labels())) == 1500

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
                transaction.spaces.set_projection(projection)
            assert catalog.state().projection_id == projection.id
            with catalog.read() as reader:
                assert reader.whole.projection(projection.id) == projection.payload
        with catalog.write() as transaction:
            transaction.spaces.set_projection(None)
        assert catalog.state().projection_id is None
        assert catalog.ask(lambda read: read.whole.projection("p2")) == b"two"
        changes = catalog.ask(lambda read: read.log.since(0))
        assert changes == [Change(g, ChangeKind.SPACE, None, None) for g in (1, 2, 3, 4)]

    def test_a_calibration_takes_the_place_of_the_one_before(self, catalog: Catalog) -> None:
        assert catalog.ask(lambda read: read.whole.calibration("searched")) is None
        for payload in (b"one", b"two"):
            with catalog.write() as transaction:
                transaction.learned.put_calibration("searched", payload)
        assert catalog.ask(lambda read: read.whole.calibration("searched")) == b"two"
        assert catalog.ask(lambda read: read.whole.calibration("elsewhere")) is None
        assert catalog.ask(lambda read: read.log.since(1)) == [
            Change(2, ChangeKind.CALIBRATE, None, None)
        ]

    def test_a_siamese_head_takes_the_place_of_the_one_before_and_goes(
        self, catalog: Catalog
    ) -> None:
        for payload in (b"one", b"two\x00"):
            with catalog.write() as transaction:
                assert transaction.read.learned.siamese_head_spaces() == (
                    ["searched"] if payload > b"p" else []
                )
                transaction.learned.put_siamese_head("searched", payload)
        with catalog.read() as reader:
            assert reader.whole.siamese_head("searched") == b"two\x00"
            assert reader.whole.siamese_head("elsewhere") is None
            assert reader.learned.siamese_head_spaces() == ["searched"]
        with catalog.write() as transaction:
            transaction.learned.put_siamese_head("searched", None)
        with catalog.read() as reader:
            assert reader.whole.siamese_head("searched") is None
        assert catalog.ask(lambda read: read.log.since(1)) == [
            Change(g, ChangeKind.HEAD, None, None) for g in (2, 3)
        ]

    def test_rejects_are_noted_once_a_source_and_cleared(self, catalog: Catalog) -> None:
        with catalog.write() as transaction:
            transaction.rejects.put([Reject("b.png", "is blank"), Reject("a.png", "is text")])
            transaction.rejects.put([Reject("b.png", "is truncated")])
        assert catalog.ask(lambda read: read.rejects()) == [
            Reject("a.png", "is text"),
            Reject("b.png", "is truncated"),
        ]
        with catalog.write() as transaction:
            transaction.rejects.clear(["b.png", "absent.png"])
        assert catalog.ask(lambda read: read.rejects()) == [Reject("a.png", "is text")]

    def test_a_catalog_in_use_has_no_integrity_problems(self, catalog: Catalog) -> None:
        ids = enroll(catalog, *(new_example(n, f"class {n % 5}") for n in range(30)))
        with catalog.write() as transaction:
            transaction.examples.remove_all(ids[::3])
            transaction.classes.merge(
                [transaction.read.classes.id_of("class 1")],
                transaction.read.classes.id_of("class 2"),
            )
        assert catalog.integrity_problems() == []

    def test_the_generation_is_one_cheap_question(self, catalog: Catalog) -> None:
        """It must not begin a transaction: a reader that polls would hold old states alive."""
        before = catalog.generation()
        enroll(catalog, new_example(1))
        assert catalog.generation() == before + 1
