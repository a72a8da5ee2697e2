"""`onelook token`: who may use the service."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import SettingsError
from .command import command
from .options import GalleryOption
from .output import Output
from .table import Column

if TYPE_CHECKING:
    from ..catalog.service import TokenRecord

_HOURS = {"h": 1, "d": 24, "w": 7 * 24}
_MOST_HOURS = 100 * 366 * 24
app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    help="Make, list and revoke the service's tokens.",
)


@app.command("create")
@command
def create(
    output: Output,
    name: Annotated[str, typer.Argument(help="What it is for, such as `shop counter`.")],
    gallery: GalleryOption,
    scope: Annotated[
        str,
        typer.Option(help="recognize, enroll, admin: each includes those before it; or metrics."),
    ] = "recognize",
    expires: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="After how long it is refused: 12h, 90d or 52w."),
    ] = None,
) -> None:
    """Make a token and print it, this once."""
    from ..catalog import Catalog
    from ..gallery import location_of
    from ..server.tokens import Scope, create_token

    wanted = Scope.named(scope)
    until = None if expires is None else datetime.now(UTC) + _duration(expires)
    location = location_of(gallery)
    location.require()
    with Catalog.open(location.database) as catalog:
        output.line(create_token(catalog.service.tokens, name, wanted, expires_at=until))
    if until is not None:
        output.note(f"It is refused from {_moment(until)} UTC on.")
    output.note("Keep it safe: it is not stored and can't be shown again.")


@app.command("list")
@command
def list_tokens(output: Output, gallery: GalleryOption) -> None:
    """List the tokens; their secrets are not known."""
    from ..catalog import Catalog
    from ..gallery import location_of

    location = location_of(gallery)
    location.require()
    with Catalog.open(location.database, read_only=True) as catalog:
        tokens = catalog.service.tokens.all()
    rows = [
        (
            token.id,
            token.name,
            token.scope,
            _moment(token.created_at),
            _moment(token.expires_at),
            _moment(token.last_used_at),
            _state(token),
        )
        for token in tokens
    ]
    titles = ("id", "name", "scope", "made (UTC)", "expires", "last used", "state")
    output.table([Column(title, shrinks=title == "name") for title in titles], rows)


@app.command("revoke")
@command
def revoke(
    output: Output,
    token_id: Annotated[str, typer.Argument(help="As `onelook token list` shows it.")],
    gallery: GalleryOption,
) -> None:
    """Refuse a token from now on; running services notice within a second."""
    from ..catalog import Catalog
    from ..gallery import location_of

    location = location_of(gallery)
    location.require()
    with Catalog.open(location.database) as catalog:
        if not catalog.service.tokens.revoke(token_id):
            raise SettingsError(
                f"expected the id of a token in force, but got {token_id!r}; "
                "`onelook token list` shows them"
            )
    output.done(f"{token_id} is revoked")


def _duration(text: str) -> timedelta:
    """How long `12h`, `90d` or `52w` is.

    Raises:
        SettingsError: it isn't written so, or is no time or more than a century.
    """
    read = re.fullmatch(r"([0-9]{1,7})([hdw])", text.strip())
    hours = 0 if read is None else int(read[1]) * _HOURS[read[2]]
    if not 0 < hours <= _MOST_HOURS:
        raise SettingsError(f"expected a time such as 12h, 90d or 52w, but got {text!r}")
    return timedelta(hours=hours)


def _moment(moment: datetime | None) -> str:
    return "never" if moment is None else f"{moment:%Y-%m-%d %H:%M}"


def _state(token: TokenRecord) -> str:
    if token.revoked_at is not None:
        return f"revoked {token.revoked_at:%Y-%m-%d}"
    return "expired" if token.expired(datetime.now(UTC)) else "in force"
