"""What the service's log tells: its start and end, each answer, every change and by whom.

The program that serves says where that goes; `engine.server.log_lines` writes lines to stderr.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

from .. import __version__
from . import trail
from .log_lines import Event

if TYPE_CHECKING:
    from ..recognizer import Recognizer

LOGGER = logging.getLogger(__name__)
AUDIT = logging.getLogger(f"{__name__}.audit")
AUDIT.setLevel(logging.INFO)  # also where others are told to be quiet
_ASKED_OFTEN = ("/healthz", "/readyz", "/metrics", "/static/")


def started(recognizer: Recognizer, address: str) -> None:
    """Log what is served, and where."""
    gallery = recognizer.gallery
    fields = {
        "version": __version__,
        "address": address,
        "gallery": gallery.location,
        "backbone": recognizer.backbone.name,
        "classes": gallery.snapshot().classes,
        "read_only": gallery.read_only,
        "process": os.getpid(),
    }
    LOGGER.info(Event("start", fields))


def ended() -> None:
    """Log that nothing is served any more."""
    LOGGER.info(Event("stop", {"process": os.getpid()}))


def access(request: trail.Request, *, method: str, path: str, status: int, seconds: float) -> None:
    """Log that a request was answered; its query string, which may hold anything, is left out."""
    quiet = status < 400 and path.startswith(_ASKED_OFTEN)
    fields = {
        "request": request.id,
        "who": request.who,
        "token": request.token,
        "address": request.address,
        "method": method,
        "path": path,
        "status": status,
        "seconds": seconds,
        **request.spent(),
        "error": request.error,
        "detail": request.detail,
    }
    LOGGER.log(logging.DEBUG if quiet else logging.INFO, Event("access", fields))


def audit(change: str, *, who: str = trail.NOBODY, **what: Any) -> None:
    """Log that something was changed, and by whom: the request's sender, or `who` without one."""
    request = trail.current()
    by = {} if request is None else {"request": request.id, "token": request.token}
    who = who if request is None else request.who
    AUDIT.info(Event("audit", {**by, "who": who, "change": change, **what}))
