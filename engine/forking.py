"""What doesn't survive a fork is made anew in the child: threads, and what belongs to them.

A forked child has the thread that forked and no other. Whoever owns pools of threads, locks that
another thread may have held, registers here. What the child must neither use nor free (freeing
waits for threads that are gone) is abandoned. Connections are let go before the fork, and taken
anew by parent and child: SQLite's locks, above all, are a process's own.

Libraries that share work among OpenMP threads hang in a child of a parent that used them, so a
child computes on one thread; see `engine.cores`. Spawned children have no such limit.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Protocol
from weakref import WeakSet


class Renewable(Protocol):
    """Owns something that doesn't survive a fork."""

    def renew_after_fork(self) -> None:
        """Called once in every forked child, while it has one thread."""


class Releasable(Renewable, Protocol):
    """Owns something that must not be there at a fork."""

    def release_before_fork(self) -> None:
        """Called before every fork, in the thread that forks."""


_owners: WeakSet[Any] = WeakSet()
_releasing: WeakSet[Any] = WeakSet()
_abandoned: list[Any] = []


def renew_after_fork(owner: Renewable) -> None:
    """Have `owner` renew itself in each child that is forked as long as it lives."""
    _owners.add(owner)


def release_before_fork(owner: Releasable) -> None:
    """Have `owner` release what must not be there at a fork, and renew itself in the child."""
    _releasing.add(owner)
    _owners.add(owner)


def abandon(*things: Any) -> None:
    """Never free these: doing so would wait for threads that this process doesn't have."""
    _abandoned.extend(things)


def call_after_fork(work: Callable[[], None]) -> None:
    """Call a module's function in each child that is forked from now on."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=work)


def _renew() -> None:
    for owner in list(_owners):
        owner.renew_after_fork()


def _release() -> None:
    for owner in list(_releasing):
        owner.release_before_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_release)
call_after_fork(_renew)
