"""Puts the commands together; only the one that is run is imported, for the sake of a quick start.

That is why their names and summaries are listed here: help at the top needs no more.
"""

from __future__ import annotations

import importlib
from typing import Annotated, Any

import typer
import typer.main
from typer.core import TyperGroup

from .. import __version__

COMMANDS = {
    "enroll": ("enroll", "Enroll pictures of each class; makes the gallery if need be."),
    "recognize": ("recognize", "Decide which class each picture shows, or that it is unknown."),
    "locate": ("locate", "Find all enrolled things in each picture, and where they are."),
    "nearest": ("nearest", "List the k nearest classes of each picture."),
    "verify": ("verify", "Compare two pictures; with a gallery, give a verdict."),
    "explain": ("explain", "Say why a picture was decided as it was."),
    "classes": ("classes", "List, show and change classes."),
    "info": ("maintain", "Say what a gallery holds and how it decides."),
    "check": ("maintain", "Verify the database, the kept pictures and the index."),
    "rebuild": ("maintain", "Make the index anew from the database."),
    "backup": ("maintain", "Copy a gallery, consistently while others write."),
    "export": ("maintain", "Write all that a gallery holds to a Parquet file."),
    "import": ("maintain", "Add what was exported to a gallery, or make one of it."),
    "migrate": ("migrate", "Copy a gallery between a folder and a database."),
    "upgrade": ("upgrade", "Make or upgrade a shared database's tables."),
    "evaluate": ("evaluate", "Measure a gallery on pictures that it hasn't seen."),
    "calibrate": ("calibrate", "Set the thresholds for a share of strangers let through."),
    "adapt": ("calibrate", "Adapt the searched space, without labels."),
    "reembed": ("reembed", "Move a gallery to another backbone, and back."),
    "train": ("train", "Learn from labelled pictures."),
    "synthesize": ("synthesize", "Make photographs of catalog pictures that were never taken."),
    "serve": ("serve", "Serve a gallery over HTTP, with a web page."),
    "watch": ("watch", "Recognise what comes to a folder or before a camera."),
    "token": ("token", "Make, list and revoke the service's tokens."),
    "backbones": ("backbones", "List backbones, and make them ready."),
    "doctor": ("doctor", "Say what an issue needs to tell, on one page."),
    "demo": ("demo", "Enroll a sample catalog, recognise pictures, refuse strangers."),
}
"""Each command's module in this package, and what it does."""


class _Commands(TyperGroup):
    """Imports a command's module when that command is asked for."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = dict.fromkeys(COMMANDS)  # type: ignore[assignment]  # to suggest

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        name, summary = COMMANDS[cmd_name]
        module = importlib.import_module(f".{name}", __package__)
        found: Any = typer.main.get_command(module.app)
        found = getattr(found, "commands", {}).get(cmd_name, found)
        found.name, found.short_help = cmd_name, summary
        return found

    def invoke(self, ctx: Any) -> Any:
        """Where a command is used wrongly, a misspelt variable may be why."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter:
            from ..settings import misspelt_variables, sets_nothing

            for variable in misspelt_variables():
                typer.echo(sets_nothing(variable), err=True)
            raise

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


app = typer.Typer(
    cls=_Commands,
    name="onelook",
    help="One-shot image recognition: show it one picture of each thing, and it recognises them.",
    epilog="Exit codes: 0 all went well, 1 failure, 2 wrong usage, 3 some pictures rejected, "
    "130 interrupted.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"onelook {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    """What `onelook` takes before a command's name."""
