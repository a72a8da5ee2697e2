"""Puts the commands together, and turns errors into one line and an exit code.

Exit codes: 0 all went well; 1 failure; 2 wrong usage; 3 some pictures rejected; 130 interrupted.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import Annotated

import typer

import engine
from engine.cli import (
    backbones,
    classes,
    demo,
    enroll,
    evaluate,
    explain,
    maintain,
    nearest,
    recognize,
    serve,
    token,
    verify,
)
from engine.cli.console import complain, printable
from engine.errors import OnelookError

app = typer.Typer(
    name="onelook",
    help="One-shot image recognition: show it one picture of each thing, and it recognises them.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
enroll.register(app)
recognize.register(app)
nearest.register(app)
verify.register(app)
classes.register(app)
maintain.register(app)
evaluate.register(app)
explain.register(app)
serve.register(app)
token.register(app)
backbones.register(app)
demo.register(app)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"onelook {engine.__version__}")
        raise typer.Exit


@app.callback()
def _common(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say only errors.")] = False,
    debug: Annotated[bool, typer.Option(help="Show tracebacks.", envvar="ONELOOK_DEBUG")] = False,
    _version_wanted: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=_version, is_eager=True),
    ] = False,
) -> None:
    level = logging.ERROR if quiet else logging.INFO if verbose else logging.WARNING
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    logging.getLogger("engine").setLevel(level)
    if debug:
        os.environ["ONELOOK_DEBUG"] = "1"


def main() -> None:
    """Run the command; the entry point of `onelook`."""
    try:
        app()
    except OnelookError as error:
        if os.environ.get("ONELOOK_DEBUG"):
            raise
        complain(f"onelook: {printable(str(error))}")
        sys.exit(1)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has gone
        sys.exit(0)
