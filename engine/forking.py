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
from typing import Any
from weakref import WeakMethod

Hook = Callable[[], None]

_before: set[WeakMethod[Hook]] = set()
_in_child: set[WeakMethod[Hook]] = set()
_abandoned: list[Any] = []


def before_fork(method: Hook) -> None:
    """Call a method before every fork, in the thread that forks, as long as its object lives."""
    _before.add(WeakMethod(method, _before.discard))


def in_forked_child(method: Hook) -> None:
    """Call a method once in each child forked as long as its object lives."""
    _in_child.add(WeakMethod(method, _in_child.discard))


def abandon(*things: Any) -> None:
    """Never free these: doing so would wait for threads that this process doesn't have."""
    _abandoned.extend(things)


def _call(hooks: set[WeakMethod[Hook]]) -> None:
    for method in [hook() for hook in list(hooks)]:
        if method is not None:
            method()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=lambda: _call(_before), after_in_child=lambda: _call(_in_child))
