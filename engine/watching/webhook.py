"""Events told to a URL: signed, tried again, in order, and never so many that memory fills.

A delivery is a POST of JSON. Its header `Onelook-Signature: t=SECONDS,v1=HEX` holds when it was
sent and the HMAC-SHA256, under the secret that both ends know, of the text `SECONDS.` and the body;
so a receiver can tell ours from others', and refuse one that is old. `Onelook-Delivery` is the
event's id, the same however often it is tried.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import queue
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from .. import __version__
from ..errors import SettingsError

LOGGER = logging.getLogger(__name__)
WAITS = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds before each further try."""

_WAITING = 1000
_LONGEST_WAIT = 60.0
_TIMEOUT = 10.0
_AGAIN = frozenset({408, 425, 429})
_QUIET_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class _Delivery:
    id: str
    body: bytes


class Webhook:
    """Tells events to a URL from a thread of its own.

    Args:
        url: where events are posted.
        secret: what deliveries are signed with.
        waits: seconds before each further try.
        waiting: how many events may wait; further ones are dropped, which is logged.

    Raises:
        SettingsError: the URL isn't one of HTTP, or there is no secret.

    Attributes:
        place: the URL, without what may be secret in it.
        delivered: how many events were told.
    """

    def __init__(
        self,
        url: str,
        secret: str,
        *,
        waits: tuple[float, ...] = WAITS,
        waiting: int = _WAITING,
    ) -> None:
        self.place = _checked(url)
        if not secret.strip():
            raise SettingsError(
                "expected a secret to sign what is sent to the webhook in the environment variable "
                "ONELOOK_WEBHOOK_SECRET, which the receiver knows too; "
                "`openssl rand -hex 32` makes one"
            )
        self._url = url
        self._secret = secret.strip().encode()
        self._waits = waits
        self.delivered = self._failed = self._dropped = 0
        self._dropped_said = -_QUIET_SECONDS
        self._closing = threading.Event()
        self._abandoned = False
        self._queue: queue.Queue[_Delivery | None] = queue.Queue()
        self._waiting = waiting
        self._thread = threading.Thread(target=self._run, name="onelook-webhook", daemon=True)
        self._thread.start()

    @property
    def lost(self) -> int:
        """How many events were not told and won't be."""
        return self._failed + self._dropped

    def send(self, event: Mapping[str, Any]) -> None:
        """Have an event told, which has an `id`; returns at once."""
        if self._queue.qsize() >= self._waiting:
            self._dropped += 1
            if time.monotonic() - self._dropped_said > _QUIET_SECONDS:
                self._dropped_said = time.monotonic()
                LOGGER.warning(
                    "%s: %d events wait to be told, so further ones are dropped",
                    self.place,
                    self._waiting,
                )
            return
        self._queue.put(_Delivery(event["id"], json.dumps(event).encode()))

    def close(self, *, grace: float = 5.0) -> None:
        """Try what waits once more, for `grace` seconds; what is left then is lost."""
        self._closing.set()
        self._queue.put(None)
        self._thread.join(grace)
        if self._thread.is_alive():
            self._abandoned = True
            self._thread.join(_TIMEOUT)

    def _run(self) -> None:
        with httpx.Client(timeout=_TIMEOUT, follow_redirects=False) as client:
            while (delivery := self._queue.get()) is not None:
                if not self._abandoned and self._told(client, delivery):
                    self.delivered += 1
                else:
                    self._failed += 1

    def _told(self, client: httpx.Client, delivery: _Delivery) -> bool:
        why = ""
        for wait in (*self._waits, None):
            try:
                answer = client.post(
                    self._url, content=delivery.body, headers=self._headers(delivery)
                )
            except httpx.HTTPError as error:
                why, after = f"{type(error).__name__}: {error}", 0.0
            else:
                if answer.is_success:
                    return True
                why, after = f"it answered {answer.status_code}", _retry_after(answer)
                if answer.status_code < 500 and answer.status_code not in _AGAIN:
                    break  # it won't like it any better later
            if wait is None or self._closing.wait(max(wait, after)):
                break
        LOGGER.warning("%s: an event could not be told: %s", self.place, why)
        return False

    def _headers(self, delivery: _Delivery) -> dict[str, str]:
        moment = str(int(time.time()))
        signed = hmac.new(self._secret, f"{moment}.".encode() + delivery.body, hashlib.sha256)
        return {
            "Content-Type": "application/json",
            "User-Agent": f"onelook/{__version__}",
            "Onelook-Delivery": delivery.id,
            "Onelook-Signature": f"t={moment},v1={signed.hexdigest()}",
        }


def _checked(url: str) -> str:
    """What to call a webhook: its address without a password or query.

    Raises:
        SettingsError: it isn't an address of HTTP.
    """
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname)
        host = parts.hostname if parts.port is None else f"{parts.hostname}:{parts.port}"
    except ValueError:
        fine = False
    if not fine:
        raise SettingsError(f"expected a webhook such as https://example.com/seen, but got {url!r}")
    return f"{parts.scheme}://{host}{parts.path}"


def _retry_after(answer: httpx.Response) -> float:
    text = answer.headers.get("Retry-After", "")
    return min(float(text), _LONGEST_WAIT) if text.isdecimal() else 0.0
