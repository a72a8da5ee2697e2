"""Two processes' views of one gallery: each sees the other's changes, whatever they are."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from engine.gallery import Gallery
from engine.indexes import SketchedIndex, load_index
from tests.gallery.conftest import SPACE, example, unit


def content(gallery: Gallery) -> dict[int, str]:
    """Label by example id, as the snapshot has it."""
    snapshot = gallery.snapshot()
    ids = snapshot.index.ids()
    return {
        int(i): snapshot.labels[int(c)]
        for i, c in zip(ids, snapshot.examples.classes_of(ids), strict=True)
    }


def kept_generation(gallery: Gallery) -> int:
    """The generation that the index's file holds."""
    dimension = gallery.snapshot().projection.dimension
    space = gallery.snapshot().space_id
    return load_index(gallery.folder.index_file, space=space, dimension=dimension)[1]


class TwoViews(RuleBasedStateMachine):
    """One gallery writes, another follows; both must agree with a plain dictionary."""

    def __init__(self) -> None:
        super().__init__()
        import tempfile

        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "g.gallery"
        self.writer = Gallery.create(path, space=SPACE, poll_seconds=0.0)
        self.reader = Gallery.open(path, poll_seconds=0.0)
        self.model: dict[int, str] = {}
        self.seed = 0

    def teardown(self) -> None:
        self.reader.close()
        self.writer.close()
        self.folder.cleanup()

    @rule(label=st.sampled_from("abcdef"), count=st.integers(1, 3))
    def enroll(self, label: str, count: int) -> None:
        batch = []
        for _ in range(count):
            self.seed += 1
            batch.append(example(label, self.seed))
        for outcome in self.writer.enroll(batch):
            self.model[outcome.example_id] = label

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def remove_example(self, data: st.DataObject) -> None:
        example_id = data.draw(st.sampled_from(sorted(self.model)))
        self.writer.examples.remove(example_id)
        del self.model[example_id]

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def remove_class(self, data: st.DataObject) -> None:
        label = data.draw(st.sampled_from(sorted(set(self.model.values()))))
        self.writer.classes.remove(label)
        self.model = {i: known for i, known in self.model.items() if known != label}

    @precondition(lambda self: len(set(self.model.values())) > 1)
    @rule(data=st.data())
    def merge(self, data: st.DataObject) -> None:
        labels = sorted(set(self.model.values()))
        source = data.draw(st.sampled_from(labels))
        into = data.draw(st.sampled_from([label for label in labels if label != source]))
        self.writer.classes.merge([source], into)
        self.model = {i: into if known == source else known for i, known in self.model.items()}

    @rule()
    def calibrate(self) -> None:
        if self.model:
            self.writer.thresholds.calibrate()

    @rule()
    def reopen_reader(self) -> None:
        path = self.reader.folder.path
        self.reader.close()
        self.reader = Gallery.open(path, poll_seconds=0.0)

    @invariant()
    def both_agree_with_the_model(self) -> None:
        assert content(self.writer) == self.model
        assert content(self.reader) == self.model


TwoViews.TestCase.settings = settings(max_examples=12, stateful_step_count=12, deadline=None)
test_two_views_agree = TwoViews.TestCase


def test_a_pin_reaches_the_other_process(gallery: Gallery) -> None:
    gallery.enroll([example("cat", 1)])
    with Gallery.open(gallery.folder.path, poll_seconds=0.0) as other:
        gallery.classes.pin("cat", 0.5)
        assert list(other.snapshot().pins.values()) == [0.5]
        gallery.classes.pin("cat", None)
        assert other.snapshot().pins == {}


def test_a_target_reaches_the_other_process(gallery: Gallery) -> None:
    gallery.enroll([example("cat", 1)])
    with Gallery.open(gallery.folder.path, poll_seconds=0.0) as other:
        gallery.thresholds.set_target_fpir(0.01)
        assert gallery.snapshot().target_fpir == other.snapshot().target_fpir == 0.01


@pytest.mark.parametrize("damage", ["truncated", "overwritten", "deleted", "empty"])
def test_a_damaged_snapshot_is_made_anew_and_said(
    gallery: Gallery, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    gallery.enroll([example(str(seed), seed) for seed in range(50)])
    gallery.close()
    snapshot = gallery.folder.index_file
    data = snapshot.read_bytes()
    if damage == "deleted":
        snapshot.unlink()
    else:
        middle = len(data) // 2
        snapshot.write_bytes(
            {
                "truncated": data[:middle],
                "overwritten": data[:middle] + b"\xff" * 64 + data[middle + 64 :],
                "empty": b"",
            }[damage]
        )

    with caplog.at_level("INFO", "onelook"), Gallery.open(gallery.folder.path) as again:
        assert again.check() == []
        assert len(again.snapshot().index) == 50
    assert "making the index anew" in caplog.text
    with Gallery.open(gallery.folder.path) as healed:
        assert kept_generation(healed) == healed.snapshot().generation


def test_an_opening_follows_what_came_after_the_snapshot(gallery: Gallery) -> None:
    gallery.enroll([example(str(seed), seed) for seed in range(40)])
    gallery.rebuild()
    gallery.enroll([example("late", 99)])

    with Gallery.open(gallery.folder.path) as other:
        assert kept_generation(other) < other.snapshot().generation
        assert "late" in content(other).values()
        assert other.check() == []


def test_what_was_removed_is_gone_from_every_file(gallery: Gallery) -> None:
    secret = b"a picture nobody may find again"
    gallery.enroll([example(str(seed), seed) for seed in range(5)])
    gallery.enroll([example("secret", 77, picture=secret)])
    gallery.rebuild()
    vector = unit(77).astype("<f4").tobytes()
    assert any(vector in path.read_bytes() for path in gallery.folder.path.iterdir())

    gallery.classes.remove("secret")
    gallery.close()

    for path in gallery.folder.path.iterdir():
        assert secret not in path.read_bytes()
        assert vector not in path.read_bytes()


def test_checking_finds_an_index_that_differs(gallery: Gallery) -> None:
    [first, second] = gallery.enroll([example("cat", 1), example("dog", 2)])
    index = gallery.index
    index.remove(np.array([first.example_id, second.example_id]))
    index.add(np.array([second.example_id, 99]), np.stack([unit(5), unit(6)]))

    problems = "\n".join(gallery.check())

    assert f"lacks example {first.example_id}" in problems
    assert f"another vector for example {second.example_id}" in problems
    assert "holds 1 vectors of examples that the database doesn't have" in problems


def test_an_export_round_trips_exactly(gallery: Gallery, tmp_path: Path) -> None:
    gallery.enroll(
        [
            example("cat", 1, attributes={"price": 3, "näme": "Ä"}, picture=b"\x00\xff"),
            example("cat", 2, warnings=("blurred",)),
            example("dog", 3),
        ]
    )
    gallery.classes.pin("dog", 0.75)
    gallery.thresholds.set_target_fpir(0.02)
    assert gallery.export(tmp_path / "all.parquet") == 3

    with Gallery.create_from_export(tmp_path / "copy.gallery", tmp_path / "all.parquet") as copy:
        assert exported(copy) == exported(gallery)
        assert copy.catalog.state().target_fpir == 0.02
        assert copy.import_export(tmp_path / "all.parquet") == 0


def exported(gallery: Gallery) -> list[object]:
    catalog = gallery.catalog
    classes = {record.label: record for record in catalog.ask(lambda read: read.classes.listed())}
    rows: list[object] = [catalog.state().space]
    for batch in catalog.stream(lambda read: read.embeddings.stream(SPACE.id)):
        for record, vector in zip(
            catalog.ask(lambda read: read.examples.listed()), batch.vectors, strict=True
        ):
            owner = classes[record.label]
            rows.append(
                (
                    *(record.label, dict(owner.attributes), owner.pinned_threshold),
                    *(record.source, record.content_hash, record.warnings),
                    *(vector.tobytes(), catalog.picture(record.id)),
                )
            )
    return rows


def test_a_backup_is_a_gallery(gallery: Gallery, tmp_path: Path) -> None:
    gallery.enroll([example("cat", 1)])

    gallery.backup(tmp_path / "copy.gallery")

    with Gallery.open(tmp_path / "copy.gallery") as copy:
        assert exported(copy) == exported(gallery)
        assert copy.check() == []


def test_enrolling_one_more_leaves_the_snapshot_alone(gallery: Gallery) -> None:
    gallery.enroll([example(str(seed), seed) for seed in range(50)])
    gallery.rebuild()
    before = gallery.folder.index_file.read_bytes()
    gallery.enroll([example("one more", 99)])
    gallery.close()
    assert gallery.folder.index_file.read_bytes() == before
    with Gallery.open(gallery.folder.path) as other:
        assert "one more" in content(other).values()


def test_an_index_that_is_due_to_be_another_is_kept_by_whoever_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "g.gallery"
    with Gallery.create(place, space=SPACE) as gallery:
        gallery.enroll([example(f"thing {seed}", seed) for seed in range(60)])
    monkeypatch.setattr(SketchedIndex, "compaction_due", property(lambda index: len(index) > 60))
    with Gallery.open(place) as gallery:
        held = kept_generation(gallery)
    with Gallery.open(place) as gallery:
        assert kept_generation(gallery) == held
        gallery.enroll([example("another", 99)])
    with Gallery.open(place) as gallery:
        assert kept_generation(gallery) == gallery.catalog.generation()


def test_a_target_is_followed_though_other_changes_came_after_it(gallery: Gallery) -> None:
    with Gallery.open(gallery.folder.path, poll_seconds=0.0) as other:
        gallery.thresholds.set_target_fpir(0.01)
        gallery.enroll([example("late", 1)])
        assert other.snapshot().target_fpir == 0.01
        assert "late" in content(other).values()
