"""Access tokens: how they are made, written and checked.

A token reads `onelook_ID_SECRET`. The id is public and tells which token it is; the secret is 256
random bits, of which only the SHA-256 is stored. (A slow password hash would add nothing: there is
no dictionary of 256-bit numbers.)
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum

from ..catalog.service import TokenRecord, TokenStore
from ..errors import AuthorizationError, SettingsError, UnavailableError
from .logs import audit

PREFIX = "onelook"
ANONYMOUS = "anonymous"
REFRESH_SECONDS = 0.5
TRUST_SECONDS = 600.0
NOTE_SECONDS = 60.0
_UNKNOWN_HASH = "0" * 64


class Scope(IntEnum):
    """What a token allows; from `recognize` on, each scope includes those before it."""

    METRICS = 0
    RECOGNIZE = 1
    ENROLL = 2
    ADMIN = 3

    @classmethod
    def named(cls, name: str) -> Scope:
        """The scope of that name.

        Raises:
            SettingsError: there is none.
        """
        try:
            return cls[name.upper()]
        except KeyError:
            names = ", ".join(scope.text for scope in cls)
            raise SettingsError(f"expected a scope ({names}), but got {name!r}") from None

    @property
    def text(self) -> str:
        """Its name."""
        return self.name.lower()

    def allows(self, needed: Scope) -> bool:
        """Whether it includes that scope; reading metrics is for those who may do nothing else,
        and for administrators."""
        if Scope.METRICS in (self, needed):
            return needed is Scope.METRICS and self in (Scope.METRICS, Scope.ADMIN)
        return self >= needed


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking.

    Attributes:
        id, name: the token's, or `anonymous`.
        scope: what it may do.
        csrf: what requests that rely on the cookie must carry.
    """

    id: str
    name: str
    scope: Scope
    csrf: str = ""


def create_token(
    store: TokenStore, name: str, scope: Scope, *, expires_at: datetime | None = None
) -> str:
    """Make and store a token; its text is returned here and never again."""
    token_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    store.add(
        token_id, name=name, secret_hash=_hash(secret), scope=scope.text, expires_at=expires_at
    )
    return f"{PREFIX}_{token_id}_{secret}"


class TokenRing:
    """The tokens in memory, at most `REFRESH_SECONDS` old; checking one waits for no disk.

    While the database is away they stay in force for `TRUST_SECONDS`; from then on none is, since
    it might have been revoked.

    When tokens were last used is noted at most once in `NOTE_SECONDS`, by the thread that reads
    them; where that fails, it is tried again then, and no request knows of it.

    Tokens are made and revoked by the command line; the audit is told within `REFRESH_SECONDS`.

    `refresh` is called from a thread; `principal` from anywhere.
    """

    def __init__(self, store: TokenStore) -> None:
        self._store = store
        self._known: dict[str, TokenRecord] = {}
        self._read = 0.0
        self._used: dict[str, datetime] = {}
        self._noted = -NOTE_SECONDS
        self._stop = threading.Event()
        self._known, self._read = self._all()
        self._thread = threading.Thread(target=self._follow, name="onelook-tokens", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop following the database; what isn't noted yet is."""
        self._stop.set()
        self._thread.join()
        self._note()

    @property
    def configured(self) -> bool:
        """Whether a token was ever made; from then on none but its bearers come in."""
        return bool(self._known)

    def refresh(self) -> None:
        """Read the tokens anew."""
        before = self._known
        self._known, self._read = self._all()
        for token, change in _changes(before, self._known):
            audit(
                f"token {change}",
                who="command line",
                token_id=token.id,
                name=token.name,
                scope=token.scope,
                expires=token.expires_at and token.expires_at.isoformat(),
            )

    def principal(self, text: str) -> Principal:
        """Whose token that is.

        Raises:
            AuthorizationError: nobody's, or it was revoked or has expired.
            UnavailableError: the database has been away for too long to tell.
        """
        parts = text.split("_", 2)
        token_id, secret = (parts[1], parts[2]) if len(parts) == 3 else ("", "")
        token = self._known.get(token_id)
        expected = _UNKNOWN_HASH if token is None else token.secret_hash
        same = hmac.compare_digest(_hash(secret), expected)
        if token is None or not same or token.revoked_at is not None or parts[0] != PREFIX:
            raise AuthorizationError(
                "the token is not valid: it is mistyped, or was revoked; ask for a new one "
                "(`onelook token create`)"
            )
        now = datetime.now(UTC)
        if token.expired(now):
            raise AuthorizationError(
                f"the token expired on {token.expires_at:%Y-%m-%d at %H:%M} UTC; ask for a new one "
                "(`onelook token create`)"
            )
        if time.monotonic() - self._read > TRUST_SECONDS:
            raise UnavailableError(
                "tokens can't be checked: the database that tells which were revoked is away; "
                "try again later"
            )
        self._used[token.id] = now
        csrf = hmac.new(secret.encode(), b"onelook csrf", hashlib.sha256).hexdigest()
        return Principal(token.id, token.name, Scope.named(token.scope), csrf)

    def _all(self) -> tuple[dict[str, TokenRecord], float]:
        """The tokens by id, and since when that is true."""
        began = time.monotonic()
        return {token.id: token for token in self._store.all()}, began

    def _follow(self) -> None:
        while not self._stop.wait(REFRESH_SECONDS):
            try:
                self.refresh()
            except Exception:  # noqa: S112  a busy database; what is known stays in force
                continue
            if time.monotonic() - self._noted >= NOTE_SECONDS:
                self._note()

    def _note(self) -> None:
        used, self._used = self._used, {}
        if not used:
            return
        self._noted = time.monotonic()
        try:
            self._store.used(used)
        except Exception:  # a gallery that may not be written, or is busy
            self._used = {**used, **self._used}


def _changes(
    before: Mapping[str, TokenRecord], after: Mapping[str, TokenRecord]
) -> Iterator[tuple[TokenRecord, str]]:
    """What became of tokens; one is gone where another gallery's copy took this one's place."""
    for token_id, token in after.items():
        if token_id not in before:
            yield token, "made"
        if token.revoked_at is not None and (
            token_id not in before or before[token_id].revoked_at is None
        ):
            yield token, "revoked"
    for token_id in before.keys() - after.keys():
        yield before[token_id], "gone"


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


class RateLimiter:
    """A token bucket for each caller: `rate` requests a second, twice as many at once."""

    _CALLERS = 10_000

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._buckets: dict[str, tuple[float, float]] = {}

    def wait(self, caller: str) -> float:
        """Take one request from the caller's bucket; 0, or for how many seconds it is empty."""
        if not self._rate:
            return 0.0
        now = time.monotonic()
        full = max(1.0, 2 * self._rate)
        left, since = self._buckets.pop(caller, (full, now))
        left = min(full, left + (now - since) * self._rate)
        waiting = 0.0 if left >= 1.0 else (1.0 - left) / self._rate
        self._buckets[caller] = (left if waiting else left - 1.0, now)
        if len(self._buckets) > self._CALLERS:
            self._buckets.pop(next(iter(self._buckets)))
        return waiting
