"""A few rounds of `benchmarks/kill9.py`: SIGKILL in the middle of a bulk enrolment."""

from benchmarks.kill9 import rounds


def test_nothing_committed_is_lost_to_kill_9() -> None:
    found = rounds(3, pictures=1500, seed=1)

    assert found["rounds"] == 3
    assert found["lost"] == 0
