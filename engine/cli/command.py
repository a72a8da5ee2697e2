"""What all commands share: `-q`, `-v` and `--debug`, errors told in a line, exit codes."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from enum import IntEnum
from io import TextIOWrapper
from typing import Annotated, Any, Concatenate, ParamSpec

import typer

from ..errors import OnelookError
from .output import Output

P = ParamSpec("P")


class ExitCode(IntEnum):
    """How a command ended; 2, for wrong usage, comes from Typer."""

    SUCCESS = 0
    FAILURE = 1
    REJECTED = 3
    INTERRUPTED = 130


_SHARED: dict[str, tuple[Any, Any]] = {
    "quiet": (
        Annotated[
            bool,
            typer.Option("--quiet", "-q", help="Print answers and errors only."),
        ],
        False,
    ),
    "verbose": (
        Annotated[
            int,
            typer.Option(
                "--verbose",
                "-v",
                count=True,
                show_default=False,
                help="Say what is going on; -vv in detail.",
            ),
        ],
        0,
    ),
    "debug": (
        Annotated[
            bool,
            typer.Option(
                "--debug", envvar="ONELOOK_DEBUG", help="Show where in the code an error arose."
            ),
        ],
        False,
    ),
}


def command(function: Callable[Concatenate[Output, P], ExitCode | None]) -> Callable[..., None]:
    """A function of an `Output` and of options -> a command for Typer.

    The command takes the shared options as well. It ends with the code that the function returns,
    success if it returns none; an error is told in one line.
    """

    def run(quiet: bool, verbose: int, debug: bool, **options: Any) -> None:
        output = Output(quiet=quiet, verbosity=verbose)
        output.log_to_notes()
        _never_fail_at_a_letter()
        try:
            code = function(output, **options) or ExitCode.SUCCESS  # type: ignore[call-arg]
            sys.stdout.flush()
        except KeyboardInterrupt:
            output.error(output.when_interrupted)
            code = ExitCode.INTERRUPTED
        except (typer.Exit, typer.Abort, typer.BadParameter, BrokenPipeError):
            raise
        except Exception as error:
            if debug:
                raise
            output.error(_told(error))
            code = ExitCode.FAILURE
        raise typer.Exit(code)

    parameters = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
    parameters += [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, (kind, default) in _SHARED.items()
    ]
    run.__name__ = function.__name__
    run.__doc__ = function.__doc__
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return run


def _told(error: Exception) -> str:
    if isinstance(error, OnelookError):
        return str(error)
    if isinstance(error, MemoryError):
        return "this machine's memory is used up"
    return (
        f"an error that should not have happened: {type(error).__name__}: {error}. "
        "Please report it with what the same command prints with --debug."
    )


def _never_fail_at_a_letter() -> None:
    """Escape what the terminal's encoding can't express, rather than fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
