"""What is known of the request in hand, wherever its work is done.

Every request has an id: its sender's `X-Request-ID` if that is well-formed, else a new one; it goes
back in the answer. Work in threads sees the request too, save that of the decoders and of batches,
which are told of it.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

_WELL_FORMED = re.compile(rb"[A-Za-z0-9._-]{1,64}")
NOBODY = "-"


@dataclass(slots=True, eq=False)
class Request:
    """What a request's lines say.

    Attributes:
        id: what its lines are found by.
        address: who sent it.
        who: the name of its sender's token, or `anonymous`; `-` where nobody asked.
        token: the id of that token.
        stages: `(stage, seconds)`, of each picture or batch.
        error, detail: why it was refused or failed.
    """

    id: str
    address: str
    who: str = NOBODY
    token: str | None = None
    stages: list[tuple[str, float]] = field(default_factory=list)
    error: str | None = None
    detail: str | None = None

    def spent(self) -> dict[str, float]:
        """Seconds by stage; of several pictures, their sum."""
        sums: dict[str, float] = {}
        for stage, seconds in list(self.stages):
            sums[stage] = sums.get(stage, 0.0) + seconds
        return sums

    def sender(self) -> dict[str, str | None]:
        """What work that outlives the request is kept with; `on_behalf_of` reads it."""
        return {"request": self.id, "who": self.who, "token": self.token}


_CURRENT: ContextVar[Request | None] = ContextVar("onelook_request", default=None)


def current() -> Request | None:
    """The request that is being answered here, if any is."""
    return _CURRENT.get()


@contextmanager
def on_behalf_of(sender: Mapping[str, str | None] | None) -> Iterator[None]:
    """Work on what a request began that was answered long ago; None: nobody knows which."""
    if sender is None:
        yield
        return
    request = Request(sender["request"] or NOBODY, NOBODY, sender["who"] or NOBODY, sender["token"])
    token = _CURRENT.set(request)
    try:
        yield
    finally:
        _CURRENT.reset(token)


@contextmanager
def followed(given: bytes, address: str) -> Iterator[Request]:
    """Answer a request, whose sender calls it `given`."""
    well_formed = _WELL_FORMED.fullmatch(given)
    request = Request(given.decode() if well_formed else secrets.token_hex(8), address)
    token = _CURRENT.set(request)
    try:
        yield request
    finally:
        _CURRENT.reset(token)
