"""What every catalog must do with transactions."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from ..catalog import Catalog
from ..types import Change, ChangeKind, Reject
from .catalog_samples import SPACE, contents, enroll, new_example


class ChangeContract:
    """Transactions, their isolation, and the log of what they changed."""

    def test_every_change_is_logged_under_its_generation(self, catalog: Catalog) -> None:
        [one] = enroll(catalog, new_example(1, "cup"))
        [two] = enroll(catalog, new_example(2, "bowl"))
        cup, bowl = (
            catalog.ask(lambda read: read.classes.id_of("cup")),
            catalog.ask(lambda read: read.classes.id_of("bowl")),
        )
        with catalog.write() as transaction:
            transaction.classes.rename(cup, "mug")
            transaction.classes.pin_threshold(cup, 0.5, SPACE.id)
            assert transaction.commit.generation == 3
        with catalog.write() as transaction:
            transaction.classes.merge([bowl], cup)
        with catalog.write() as transaction:
            transaction.examples.remove(one)
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
        assert catalog.ask(lambda read: read.log.since(0)) == expected
        assert catalog.ask(lambda read: read.log.since(3)) == expected[6:]
        assert catalog.ask(lambda read: read.log.since(5)) == []
        for since in range(6):
            kinds = {change.kind for change in expected if change.generation > since}
            assert catalog.ask(lambda read, g=since: read.log.kinds_since(g)) == kinds  # type: ignore[misc]

    def test_a_generation_that_is_yet_to_come_has_no_changes_to_follow(
        self, catalog: Catalog
    ) -> None:
        assert catalog.ask(lambda read: read.log.since(1)) is None
        assert catalog.ask(lambda read: read.log.kinds_since(1)) is None

    def test_a_trimmed_log_says_where_it_no_longer_reaches(self, catalog: Catalog) -> None:
        for number in range(4):
            enroll(catalog, new_example(number))
        with catalog.write() as transaction:
            transaction.trim_changes(keep=2)
        assert catalog.generation() == 4
        assert catalog.ask(lambda read: read.log.since(1)) is None
        assert catalog.ask(lambda read: read.log.kinds_since(1)) is None
        rest = catalog.ask(lambda read: read.log.since(2))
        assert rest is not None
        assert [change.generation for change in rest] == [3, 4]
        with catalog.write() as transaction:
            transaction.trim_changes(keep=100)
        assert catalog.ask(lambda read: read.log.since(2)) == rest

    def test_the_log_is_followed_from_a_commit_of_its_own_history_only(
        self, catalog: Catalog
    ) -> None:
        commits = [catalog.commit()]
        enroll(catalog, new_example(1))
        commits.append(catalog.commit())
        with catalog.write() as transaction:
            transaction.set_target_fpir(0.5)  # noted in the gallery's own row alone
        commits.append(catalog.commit())
        enroll(catalog, new_example(2, "mug"))
        commits.append(catalog.commit())
        assert [commit.generation for commit in commits] == [0, 1, 2, 3]
        assert len({commit.id for commit in commits}) == 4
        assert catalog.state().commit == commits[3]
        for commit in commits:
            other = commits[commit.generation - 1].id
            with catalog.read() as reader:
                known = reader.log.since(commit.generation, commit_id=commit.id)
                assert known == reader.log.since(commit.generation)
                assert reader.log.since(commit.generation, commit_id=other) is None
        with catalog.write() as transaction:
            transaction.trim_changes(keep=2)
        assert catalog.ask(lambda read: read.log.since(1, commit_id=commits[1].id)) is None
        assert catalog.ask(lambda read: read.log.since(2, commit_id=commits[2].id)) == catalog.ask(
            lambda read: read.log.since(2)
        )
        assert catalog.ask(lambda read: read.log.since(2, commit_id=commits[1].id)) is None

    def test_a_failed_transaction_leaves_no_trace(self, catalog: Catalog) -> None:
        enroll(catalog, new_example(1))
        before = (
            catalog.state(),
            catalog.ask(lambda read: read.classes.listed()),
            catalog.ask(lambda read: read.examples.listed()),
            catalog.ask(lambda read: read.log.since(0)),
        )

        def fail_midway() -> None:
            with catalog.write() as transaction:
                transaction.examples.add_all([new_example(2, "bowl")])
                transaction.classes.remove(transaction.read.classes.id_of("cup"))
                transaction.set_target_fpir(0.5)
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            fail_midway()
        after = (
            catalog.state(),
            catalog.ask(lambda read: read.classes.listed()),
            catalog.ask(lambda read: read.examples.listed()),
            catalog.ask(lambda read: read.log.since(0)),
        )
        assert after == before
        enroll(catalog, new_example(3))
        assert catalog.generation() == 2

    def test_a_transaction_sees_its_writes_and_others_do_not_yet(self, catalog: Catalog) -> None:
        with catalog.write() as transaction:
            transaction.examples.add_all([new_example(1)])
            assert transaction.read.counts().examples == 1
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
            transaction.rejects.put([Reject("a.png", "is blank")])
            transaction.classes.set_attributes(transaction.read.classes.id_of("cup"), {})
            transaction.classes.ensure("cup")
            transaction.classes.rename(transaction.read.classes.id_of("cup"), " cup ")
            transaction.examples.add_all([new_example(1)])
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
                    ids, _classes = reader.whole.examples()
                    assert len(ids) == reader.counts().examples == reader.state().generation

        with ThreadPoolExecutor(8) as pool:
            writes = [pool.submit(write, thread) for thread in range(4)]
            reads = [pool.submit(read, thread) for thread in range(4)]
            for future in writes + reads:
                future.result()
        assert catalog.generation() == catalog.counts().examples == 40
        assert all(len(hashes) == 10 for hashes in contents(catalog).values())
