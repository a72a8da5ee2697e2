"""Logging in on the page: a token becomes an HttpOnly cookie."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from ...errors import AuthorizationError
from ..access import COOKIE, caller_of, identify, note, open_to_all, refuse_other_sites
from ..problems import ForbiddenError, RateError
from ..schemas import LoginIn, SessionOut
from ..service import service_of
from ..tokens import Principal, Scope

router = APIRouter(prefix="/v1/session", tags=["session"])
COOKIE_SECONDS = 30 * 24 * 3600


@router.get("")
async def session(request: Request) -> SessionOut:
    """Who is asking; never an error, so that the page can ask first."""
    try:
        return _session(request, identify(request))
    except AuthorizationError:
        return _session(request, None)


@router.post("")
async def log_in(request: Request, response: Response, login: LoginIn) -> SessionOut:
    """Exchange a token for a cookie that scripts can't read."""
    refuse_other_sites(request)
    service = service_of(request)
    waiting = service.rates.wait(f"login {caller_of(request)}")
    if waiting:
        raise RateError("too many attempts to log in; slow down", waiting)
    principal = service.tokens.principal(login.token.strip())
    note(principal)
    if not principal.scope.allows(Scope.RECOGNIZE):
        raise ForbiddenError(
            f"the token's scope is {principal.scope.text!r}, which the page has no use for"
        )
    response.set_cookie(
        COOKIE,
        login.token.strip(),
        max_age=COOKIE_SECONDS,
        path=service.options.root_path or "/",
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return _session(request, principal)


@router.delete("")
async def log_out(request: Request, response: Response) -> SessionOut:
    """Forget the cookie."""
    refuse_other_sites(request)
    path = service_of(request).options.root_path or "/"
    response.delete_cookie(COOKIE, path=path, httponly=True, samesite="strict")
    return _session(request, None)


def _session(request: Request, principal: Principal | None) -> SessionOut:
    needed = not open_to_all(request)
    if principal is None:
        return SessionOut(scope=None, login=needed, csrf=None)
    csrf = principal.csrf if COOKIE in request.cookies or request.method == "POST" else None
    return SessionOut(scope=principal.scope.text, login=needed, csrf=csrf or None)
