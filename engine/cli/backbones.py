"""`onelook backbones`: what can embed pictures, and getting it ready ahead of time."""

from __future__ import annotations

from typing import Annotated

import typer

from .command import command
from .output import Output
from .table import Column

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    help="List backbones, and make them ready.",
)
NameArgument = Annotated[str, typer.Argument(metavar="NAME", show_default=False)]


@app.command("list")
@command
def list_backbones(output: Output) -> None:
    """List the bundled backbones and the families that a name may come from."""
    from ..backbones import DEFAULT_BACKBONE, available_backbones, is_exported

    rows = []
    for name in available_backbones():
        ready = "" if ":" in name else "yes" if is_exported(name) else "no"
        rows.append((name, ready, "default" if name == DEFAULT_BACKBONE else ""))
    output.table((Column("backbone"), Column("exported"), Column("")), rows)


@app.command("fetch")
@command
def fetch(output: Output, name: NameArgument) -> None:
    """Load a backbone once, so that its weights are on this machine."""
    from ..backbones import load_backbone

    backbone = load_backbone(name, runtime="torch")
    space = backbone.space
    output.line(f"{backbone.name}: space {space.id}, {space.dimension} dimensions")


@app.command("export")
@command
def export(output: Output, name: NameArgument) -> None:
    """Export a backbone for ONNX Runtime, so that no first query waits for it."""
    from ..backbones import export_backbone

    output.line(f"{name}: {export_backbone(name)}")
