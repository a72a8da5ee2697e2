"""Events told to a URL, signed.

A delivery is a POST of JSON. Its header `Onelook-Signature: t=SECONDS,v1=HEX` holds when it was
sent and the HMAC-SHA256, under the secret that both ends know, of the text `SECONDS.` and the body;
so a receiver can tell ours from others', and refuse one that is old. `Onelook-Delivery` is the
event's id.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from urllib.parse import urlsplit

import httpx

from .. import __version__
from ..errors import SettingsError
from .telling import PATIENCE, Delivery, NotToldError

_LONGEST_WAIT = 60.0
_AGAIN = frozenset({408, 425, 429})


class Webhook:
    """The channel to a URL.

    Args:
        url: where events are posted.
        secret: what deliveries are signed with.

    Raises:
        SettingsError: the URL isn't one of HTTP, or there is no secret.
    """

    def __init__(self, url: str, secret: str) -> None:
        self._place = _checked(url)
        if not secret.strip():
            raise SettingsError(
                "expected a secret to sign what is sent to the webhook in the environment variable "
                "ONELOOK_WEBHOOK_SECRET, which the receiver knows too; "
                "`openssl rand -hex 32` makes one"
            )
        self._url = url
        self._secret = secret.strip().encode()
        self._client = httpx.Client(timeout=PATIENCE, follow_redirects=False)

    @property
    def place(self) -> str:
        return self._place

    def tell(self, delivery: Delivery) -> None:
        try:
            answer = self._client.post(
                self._url, content=delivery.body, headers=self._headers(delivery)
            )
        except httpx.HTTPError as error:
            raise NotToldError(f"{type(error).__name__}: {error}") from error
        if not answer.is_success:
            status = answer.status_code
            again = status >= 500 or status in _AGAIN  # else it won't like it any better later
            raise NotToldError(f"it answered {status}", again=again, after=_retry_after(answer))

    def close(self) -> None:
        self._client.close()

    def _headers(self, delivery: Delivery) -> dict[str, str]:
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
