"""`onelook token`: who may use the service."""

from __future__ import annotations

from typing import Annotated

import typer

from ..errors import SettingsError
from .command import command
from .options import GalleryOption
from .output import Output
from .table import Column

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
) -> None:
    """Make a token and print it, this once."""
    from ..catalog import Catalog
    from ..gallery import location_of
    from ..server.tokens import Scope, create_token

    wanted = Scope.named(scope)
    location = location_of(gallery)
    location.require()
    with Catalog.open(location.database) as catalog:
        output.line(create_token(catalog.service.tokens, name, wanted))
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
            f"{token.created_at:%Y-%m-%d %H:%M}",
            "in force" if token.revoked_at is None else f"revoked {token.revoked_at:%Y-%m-%d}",
        )
        for token in tokens
    ]
    titles = ("id", "name", "scope", "made (UTC)", "state")
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
