"""Random histories of a catalog, checked against plain dictionaries.

Subclass `CatalogMachine`, say where a database may be made, and let Hypothesis run its `TestCase`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ..catalog import Catalog
from ..types import ChangeKind, KeepPictures, NewExample
from .catalog_samples import SPACE, content_hash, direction, new_example

LABELS = st.sampled_from(["cup", "mug", "bowl", "狐", "Zoo", "a b"])
NUMBERS = st.integers(0, 12)
TEXTS_FROM = 10


def _example(number: int, label: str) -> NewExample:
    """The example of that number; from `TEXTS_FROM` on it is a text."""
    text = f"thing {number}" if number >= TEXTS_FROM else None
    return new_example(number, label, text=text)


class Follower:
    """Knows the catalog by its change log alone, as another process's index does."""

    def __init__(self) -> None:
        self.generation = 0
        self.classes: set[int] = set()
        self.class_of: dict[int, int] = {}

    def follow(self, catalog: Catalog) -> None:
        changes = catalog.ask(lambda read: read.log.since(self.generation))
        if changes is None:  # the log was trimmed
            ids, class_ids = catalog.ask(lambda read: read.whole.examples())
            self.class_of = dict(zip(ids.tolist(), class_ids.tolist(), strict=True))
            self.classes = set(catalog.ask(lambda read: read.classes.labels()))
            changes = []
        for change in changes:
            if change.example_id is None:
                if change.kind is ChangeKind.ADD:
                    self.classes.add(change.class_id or 0)
                elif change.kind is ChangeKind.REMOVE:
                    self.classes.remove(change.class_id or 0)
            elif change.kind is ChangeKind.REMOVE:
                assert self.class_of.pop(change.example_id) == change.class_id
            else:
                assert (change.example_id in self.class_of) == (change.kind is ChangeKind.MOVE)
                self.class_of[change.example_id] = change.class_id or 0
        self.generation = catalog.generation()


class CatalogMachine(RuleBasedStateMachine):
    """Adds, removes, renames, merges, rejects and pins at random.

    The model is a dictionary from label to the numbers of its pictures and texts, and another one
    to those of its counterexamples.
    """

    def __init__(self) -> None:
        super().__init__()
        self.location = self.make_location()
        self.catalog = Catalog.create(
            self.location, space=SPACE, keep_pictures=KeepPictures.BOUNDED
        )
        self.model: dict[str, set[int]] = {}
        self.contrary: dict[str, set[int]] = {}
        self.pins: dict[str, float] = {}
        self.follower = Follower()
        self.late_follower = Follower()
        self.highest_id = 0

    def make_location(self) -> str | Path:
        """Where no database is yet, but may be made."""
        raise NotImplementedError

    def teardown(self) -> None:
        self.late_follower.follow(self.catalog)
        assert self.late_follower.class_of == self.follower.class_of
        assert self.late_follower.classes == self.follower.classes
        assert self.catalog.integrity_problems() == []
        self.catalog.close()

    @rule(pictures=st.lists(st.tuples(LABELS, NUMBERS), max_size=6))
    def add(self, pictures: list[tuple[str, int]]) -> None:
        with self.catalog.write() as transaction:
            ids = transaction.examples.add_all([_example(n, label) for label, n in pictures])
        fresh = {(label, n) for label, n in pictures if n not in self.model.get(label, set())}
        for label, number in pictures:
            self.model.setdefault(label, set()).add(number)
        assert len({i for i in ids if i > self.highest_id}) == len(fresh)
        self.highest_id = max([self.highest_id, *ids])

    @rule(label=LABELS)
    def add_empty_class(self, label: str) -> None:
        with self.catalog.write() as transaction:
            transaction.classes.ensure(label)
        self.model.setdefault(label, set())

    @rule(label=LABELS, number=NUMBERS)
    def reject(self, label: str, number: int) -> None:
        with self.catalog.write() as transaction:
            transaction.counterexamples.add(new_example(number), transaction.classes.ensure(label))
        self.model.setdefault(label, set())
        self.contrary.setdefault(label, set()).add(number)

    @precondition(lambda self: any(self.contrary.values()))
    @rule(data=st.data())
    def take_back(self, data: st.DataObject) -> None:
        label = data.draw(st.sampled_from(sorted(k for k, v in self.contrary.items() if v)))
        number = data.draw(st.sampled_from(sorted(self.contrary[label])))
        with self.catalog.write() as transaction:
            found = transaction.read.counterexamples.of_contents([content_hash(number)])
            transaction.counterexamples.remove(e.id for e in found if e.label == label)
        self.contrary[label].remove(number)

    @precondition(lambda self: any(self.model.values()))
    @rule(data=st.data())
    def remove_example(self, data: st.DataObject) -> None:
        label = data.draw(st.sampled_from(sorted(k for k, v in self.model.items() if v)))
        number = data.draw(st.sampled_from(sorted(self.model[label])))
        with self.catalog.write() as transaction:
            found = transaction.read.examples.of_content(content_hash(number))
            transaction.examples.remove(next(e.id for e in found if e.label == label))
        self.model[label].remove(number)

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def remove_class(self, data: st.DataObject) -> None:
        label = data.draw(st.sampled_from(sorted(self.model)))
        with self.catalog.write() as transaction:
            transaction.classes.remove(transaction.read.classes.id_of(label))
        del self.model[label]
        self.contrary.pop(label, None)
        self.pins.pop(label, None)

    @precondition(lambda self: self.model)
    @rule(data=st.data(), new_label=LABELS)
    def rename_class(self, data: st.DataObject, new_label: str) -> None:
        label = data.draw(st.sampled_from(sorted(self.model)))
        if new_label in self.model:
            return
        with self.catalog.write() as transaction:
            transaction.classes.rename(transaction.read.classes.id_of(label), new_label)
        self.model[new_label] = self.model.pop(label)
        self.contrary[new_label] = self.contrary.pop(label, set())
        if label in self.pins:
            self.pins[new_label] = self.pins.pop(label)

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def merge_classes(self, data: st.DataObject) -> None:
        labels = st.sampled_from(sorted(self.model))
        into = data.draw(labels)
        sources = data.draw(st.lists(labels, max_size=3))
        with self.catalog.write() as transaction:
            ids = [transaction.read.classes.id_of(label) for label in sources]
            transaction.classes.merge(ids, transaction.read.classes.id_of(into))
        for label in set(sources) - {into}:
            self.model[into] |= self.model.pop(label)
            self.contrary.setdefault(into, set()).update(self.contrary.pop(label, set()))
            self.pins.pop(label, None)
        if set(sources) - {into}:
            self.contrary[into] = self.contrary.get(into, set()) - self.model[into]

    @precondition(lambda self: self.model)
    @rule(data=st.data(), value=st.none() | st.sampled_from([0.25, 0.5]))
    def pin(self, data: st.DataObject, value: float | None) -> None:
        label = data.draw(st.sampled_from(sorted(self.model)))
        with self.catalog.write() as transaction:
            transaction.classes.pin_threshold(
                transaction.read.classes.id_of(label), value, SPACE.id
            )
        self.pins.pop(label, None)
        if value is not None:
            self.pins[label] = value

    @rule(pictures=st.lists(st.tuples(LABELS, NUMBERS), max_size=3))
    def fail(self, pictures: list[tuple[str, int]]) -> None:
        try:
            with self.catalog.write() as transaction:
                transaction.examples.add_all([_example(n, label) for label, n in pictures])
                for class_id in transaction.read.classes.labels():
                    transaction.classes.remove(class_id)
                raise InterruptedError
        except InterruptedError:
            pass

    @rule(keep=st.integers(0, 20))
    def trim(self, keep: int) -> None:
        with self.catalog.write() as transaction:
            transaction.trim_changes(keep=keep)

    @rule()
    def reopen(self) -> None:
        self.catalog.close()
        self.catalog = Catalog.open(self.location)

    @invariant()
    def the_catalog_holds_what_the_model_holds(self) -> None:
        held: dict[str, set[str]] = {
            record.label: set() for record in self.catalog.ask(lambda read: read.classes.listed())
        }
        for example in self.catalog.ask(lambda read: read.examples.listed()):
            held[example.label].add(example.content_hash)
        assert held == {
            label: {content_hash(number) for number in numbers}
            for label, numbers in self.model.items()
        }
        labels = self.catalog.ask(lambda read: read.classes.labels())
        pins = {
            labels[class_id]: value
            for class_id, value in self.catalog.ask(lambda read: read.classes.pins()).items()
        }
        assert pins == self.pins

    @invariant()
    def every_example_has_its_own_vector_and_picture(self) -> None:
        vectors: dict[int, Any] = {}
        for batch in self.catalog.stream(lambda read: read.embeddings.stream(SPACE.id, batch=3)):
            vectors.update(zip(batch.ids.tolist(), batch.vectors, strict=True))
        with self.catalog.whole() as whole:
            texts, (pictures, _) = whole.texts(SPACE), whole.examples()
        assert sorted(vectors) == pictures.tolist()
        vectors.update(zip(texts.ids.tolist(), texts.vectors, strict=True))
        examples = {
            example.id: example for example in self.catalog.ask(lambda read: read.examples.listed())
        }
        assert vectors.keys() == examples.keys()
        for example_id, example in examples.items():
            number = int(example.source.removesuffix(".png"))
            np.testing.assert_array_equal(vectors[example_id], direction(number))
            assert self.catalog.picture(example_id) == f"picture {number}".encode()
            assert example.text == _example(number, "").text
        assert texts.texts == tuple(e.text for e in examples.values() if e.text is not None)

    @invariant()
    def counterexamples_are_those_of_the_model(self) -> None:
        with self.catalog.read() as reader:
            kept = reader.counterexamples.listed()
            batch = reader.whole.counterexamples(SPACE)
        assert {(each.label, each.content_hash) for each in kept} == {
            (label, content_hash(number))
            for label, numbers in self.contrary.items()
            for number in numbers
        }
        assert [each.id for each in kept] == batch.ids.tolist()
        for each, vector in zip(kept, batch.vectors, strict=True):
            np.testing.assert_array_equal(vector, direction(int(each.source.removesuffix(".png"))))

    @invariant()
    def the_replayed_log_equals_the_state(self) -> None:
        self.follower.follow(self.catalog)
        ids, class_ids = self.catalog.ask(lambda read: read.whole.examples())
        assert self.follower.class_of == dict(zip(ids.tolist(), class_ids.tolist(), strict=True))
        assert self.follower.classes == set(self.catalog.ask(lambda read: read.classes.labels()))
