"""`onelook backbones`: what can embed pictures, and getting it ready ahead of time."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli.console import print_table

commands = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="List backbones, and make them ready."
)
NameArgument = Annotated[str, typer.Argument(metavar="NAME")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(commands, name="backbones")


@commands.command("list")
def list_backbones() -> None:
    """List the bundled backbones and the families that a name may come from."""
    from engine.backbones import DEFAULT_BACKBONE, available_backbones, is_exported

    rows = []
    for name in available_backbones():
        ready = "" if ":" in name else "yes" if is_exported(name) else "no"
        rows.append((name, ready, "default" if name == DEFAULT_BACKBONE else ""))
    print_table(("backbone", "exported", ""), rows)


@commands.command("fetch")
def fetch(name: NameArgument) -> None:
    """Load a backbone once, so that its weights are on this machine."""
    from engine.backbones import load_backbone

    backbone = load_backbone(name, runtime="torch")
    typer.echo(f"{backbone.name}: space {backbone.space.id}, {backbone.space.dimension} dimensions")


@commands.command("export")
def export(name: NameArgument) -> None:
    """Export a backbone for ONNX Runtime, so that no first query waits for it."""
    from engine.backbones import export_backbone

    typer.echo(f"{name}: {export_backbone(name)}")
