"""Who may do what: tokens, the page's cookie, forged and cross-site requests, the rate limit."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Any

from fastapi import Depends, Request

from ..errors import AuthorizationError
from . import forwarding, trail
from .problems import ForbiddenError, RateError
from .service import Service, service_of
from .tokens import ANONYMOUS, Principal, Scope

COOKIE = "onelook_token"
CSRF_HEADER = "X-CSRF-Token"
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def require(scope: Scope) -> Any:
    """A dependency: the caller, who must have that scope.

    It is resolved before a body is read.
    """
    return Depends(_CHECKS[scope])


def identify(request: Request) -> Principal | None:
    """The caller, or None without a valid token where one is needed.

    Raises:
        AuthorizationError: a token was given, but is not valid.
        ForbiddenError: the request was made by another site's page.
    """
    principal = _identified(request)
    if principal is not None:
        note(principal)
    return principal


def note(principal: Principal) -> None:
    """Let the request's log lines say who makes it."""
    request = trail.current()
    if request is not None:
        request.who = principal.name
        request.token = None if principal.id == ANONYMOUS else principal.id


def _identified(request: Request) -> Principal | None:
    service = service_of(request)
    refuse_other_sites(request)
    if open_to_all(request):
        _refuse_foreign_names(request)
        return Principal(ANONYMOUS, ANONYMOUS, Scope.ADMIN)
    header = request.headers.get("authorization")
    if header is not None:
        kind, _, text = header.partition(" ")
        if kind.lower() != "bearer":
            raise AuthorizationError("expected the header `Authorization: Bearer TOKEN`")
        return service.tokens.principal(text.strip())
    cookie = request.cookies.get(COOKIE)
    return service.tokens.principal(cookie) if cookie else None


def open_to_all(request: Request) -> bool:
    """Whether no token is asked for: of this machine's own programs, if none was ever made."""
    service = service_of(request)
    options = service.options
    local: bool = request.scope["onelook.local"]  # see engine.server.forwarding
    free = options.loopback and not options.token_required and not service.tokens.configured
    return free and local


def caller_of(request: Request) -> str:
    """What the rate limit counts a request without a token by."""
    return "" if request.client is None else forwarding.caller_of(request.client.host)


def refuse_other_sites(request: Request) -> None:
    """Refuse to change anything on behalf of another site's page.

    Raises:
        ForbiddenError: the browser says that another site's page makes the request.
    """
    if request.method in _SAFE_METHODS:
        return
    origin = request.headers.get("origin")
    foreign = (
        origin.partition("://")[2] != request.scope["onelook.host"]
        if origin is not None
        else request.headers.get("sec-fetch-site", "none") in ("cross-site", "same-site")
    )
    if foreign:
        raise ForbiddenError("the request was made by a page of another site")


def _check(scope: Scope) -> Callable[[Request], Principal]:
    async def checked(request: Request) -> Principal:
        service = service_of(request)
        caller = caller_of(request)
        try:
            principal = identify(request)
        except AuthorizationError:
            _limit(service, f"address {caller}")
            raise
        if principal is None:
            _limit(service, f"address {caller}")
            raise AuthorizationError(_without_token(request))
        _limit(service, principal.id)
        if "authorization" not in request.headers:
            _check_csrf(request, principal)
        if not principal.scope.allows(scope):
            raise ForbiddenError(
                f"this needs the scope {scope.text!r}, but the token has {principal.scope.text!r}"
            )
        return principal

    return checked  # type: ignore[return-value]


def _without_token(request: Request) -> str:
    said = "a token is needed; send it as `Authorization: Bearer TOKEN`, or log in on the page"
    if not service_of(request).tokens.configured and not request.scope["onelook.local"]:
        said += (
            " (the request came through a proxy, so it isn't this machine's own; make a token with "
            "`onelook token create`, or see `onelook serve --trusted-proxy`)"
        )
    return said


def _check_csrf(request: Request, principal: Principal) -> None:
    if request.method in _SAFE_METHODS or not principal.csrf:
        return
    given = request.headers.get(CSRF_HEADER, "")
    if not hmac.compare_digest(given.encode(), principal.csrf.encode()):
        raise ForbiddenError(
            f"a request that relies on the cookie must carry {CSRF_HEADER}; load the page anew"
        )


def _limit(service: Service, caller: str) -> None:
    waiting = service.rates.wait(caller)
    if waiting:
        raise RateError(f"more than {service.options.rate:g} requests a second; slow down", waiting)


def _refuse_foreign_names(request: Request) -> None:
    """Without tokens, a name that another site points at this machine must not reach it."""
    host = request.headers.get("host", "").lower()
    name = host[1 : host.find("]")] if host.startswith("[") else host.partition(":")[0]
    if name not in _LOCAL_NAMES:
        raise ForbiddenError(
            f"without tokens the service answers to localhost only, but was called {name!r}; "
            "make a token (`onelook token create`)"
        )


_CHECKS = {scope: _check(scope) for scope in Scope}
