"""A few rounds of `benchmarks/kill9.py`: SIGKILL in the middle of enrolments."""

from pathlib import Path

from benchmarks.kill9 import rounds


def test_nothing_committed_is_lost_to_kill_9_and_rounds_go_on(tmp_path: Path) -> None:
    assert rounds(2, pictures=400, seed=1, folder=tmp_path).done == 2

    found = rounds(3, pictures=400, seed=1, folder=tmp_path)

    assert found.done == 3
    assert found.served == 1
