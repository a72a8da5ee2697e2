"""`onelook token`: who may use the service."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli.console import print_table
from engine.cli.options import GalleryOption
from engine.errors import SettingsError

commands = typer.Typer(no_args_is_help=True, help="Make, list and revoke the service's tokens.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(commands, name="token")


@commands.command("create")
def create(
    name: Annotated[str, typer.Argument(help="What it is for, such as `shop counter`.")],
    gallery: GalleryOption,
    scope: Annotated[
        str, typer.Option(help="recognize, enroll or admin; each includes those before it.")
    ] = "recognize",
) -> None:
    """Make a token and print it, this once."""
    from engine.catalog import Catalog
    from engine.gallery import GalleryFolder
    from engine.server.tokens import Scope, create_token

    wanted = Scope.named(scope)
    folder = GalleryFolder(gallery)
    folder.require()
    with Catalog.open(folder.database) as catalog:
        typer.echo(create_token(catalog.service.tokens, name, wanted))
    typer.secho("Keep it safe: it is not stored and can't be shown again.", err=True)


@commands.command("list")
def list_tokens(gallery: GalleryOption) -> None:
    """List the tokens; their secrets are not known."""
    from engine.catalog import Catalog
    from engine.gallery import GalleryFolder

    folder = GalleryFolder(gallery)
    folder.require()
    with Catalog.open(folder.database, read_only=True) as catalog:
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
    print_table(("id", "name", "scope", "made (UTC)", "state"), rows)


@commands.command("revoke")
def revoke(
    token_id: Annotated[str, typer.Argument(help="As `onelook token list` shows it.")],
    gallery: GalleryOption,
) -> None:
    """Refuse a token from now on; running services notice within a second."""
    from engine.catalog import Catalog
    from engine.gallery import GalleryFolder

    folder = GalleryFolder(gallery)
    folder.require()
    with Catalog.open(folder.database) as catalog:
        if not catalog.service.tokens.revoke(token_id):
            raise SettingsError(
                f"expected the id of a token in force, but got {token_id!r}; "
                "`onelook token list` shows them"
            )
    typer.echo(f"{token_id} is revoked")
