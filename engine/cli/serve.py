"""`onelook serve`: the HTTP service and the web page."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import SettingsError
from ..server.log_lines import LogFormat
from .command import command
from .options import (
    BackboneOption,
    DeviceOption,
    GalleryPlace,
    IndexOption,
    RuntimeOption,
    open_recognizer,
)
from .output import Output

if TYPE_CHECKING:
    from ..recognizer import Recognizer

DEMO_KEEPS = 200


app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
@command
def serve(
    output: Output,
    gallery: Annotated[
        str | None,
        typer.Option(
            "--gallery", "-g", parser=GalleryPlace, help="The gallery's folder or database URL."
        ),
    ] = None,
    demo: Annotated[
        bool, typer.Option(help="Serve the sample catalog, from a temporary gallery unless named.")
    ] = False,
    create: Annotated[bool, typer.Option(help="Make the gallery if there is none.")] = False,
    host: Annotated[
        str,
        typer.Option(envvar="ONELOOK_HOST", help="Others than this machine's own need a token."),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(envvar="ONELOOK_PORT", min=1, max=65535, help="TCP port.")
    ] = 8000,
    token_required: Annotated[
        bool, typer.Option(help="Ask for a token even if none was made yet.")
    ] = False,
    keep_unknown: Annotated[
        int | None,
        typer.Option(min=0, help="Queries called unknown to keep for review. 0: none (default)."),
    ] = None,
    rate: Annotated[
        float,
        typer.Option(
            envvar="ONELOOK_RATE", min=0, help="Requests a second for each token; 0: no limit."
        ),
    ] = 200.0,
    tls_cert: Annotated[Path | None, typer.Option(help="PEM certificate, for HTTPS.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="PEM key of the certificate.")] = None,
    trusted_proxy: Annotated[
        list[str] | None,
        typer.Option(
            help="Address or network of a proxy whose word about senders is believed. Repeatable."
        ),
    ] = None,
    root_path: Annotated[
        str, typer.Option(help="The path below which a proxy shows the service: /onelook.")
    ] = "",
    read_only: Annotated[bool, typer.Option(help="Recognise, but refuse every change.")] = False,
    count_queries: Annotated[
        bool | None,
        typer.Option(help="Keep count of where queries sit: sums, no picture. [default: do]"),
    ] = None,
    log_format: Annotated[
        LogFormat,
        typer.Option(
            envvar="ONELOOK_LOG_FORMAT",
            help="How stderr tells of requests, changes and errors, a line each; json: all of it.",
        ),
    ] = LogFormat.TEXT,
    backbone: BackboneOption = None,
    device: DeviceOption = None,
    runtime: RuntimeOption = None,
    index: IndexOption = None,
) -> None:
    """Serve a gallery over HTTP, with a web page to recognise, enroll and review."""
    from ..server.log_lines import write_log
    from ..server.options import ServerOptions
    from ..server.run import serve as run

    output.when_interrupted = "stopped"
    write_log(log_format, quiet=output.quiet, detailed=output.verbosity > 0)
    if log_format is LogFormat.JSON:
        output.speak_by_log()
    if gallery is None and not demo and "ONELOOK_GALLERY" in os.environ:
        gallery = GalleryPlace(os.environ["ONELOOK_GALLERY"])
    if gallery is None and not demo:
        raise SettingsError("expected --gallery GALLERY, or --demo for the sample catalog")
    if keep_unknown is None:
        keep_unknown = DEMO_KEEPS if demo else 0
    options = ServerOptions(
        host=host,
        port=port,
        token_required=token_required,
        keep_unknown=keep_unknown,
        rate=rate,
        tls_cert=tls_cert,
        tls_key=tls_key,
        trusted_proxies=tuple(trusted_proxy or ()),
        root_path=root_path,
    )
    with (
        _place(gallery) as place,
        open_recognizer(
            place,
            create=create or demo,
            read_only=read_only,
            backbone=backbone,
            device=device,
            runtime=runtime,
            index=index,
        ) as recognizer,
    ):
        if count_queries is not None:
            recognizer.gallery.queries.counting = count_queries
        if demo:
            _enroll_sample(output, recognizer)

        def say() -> None:
            output.note(f"Onelook serves {place} at {options.address}")
            if not options.loopback and not options.tls:
                output.warning(
                    "traffic is not encrypted: whoever is on its way reads pictures and tokens; "
                    "give --tls-cert and --tls-key, or put a proxy that speaks HTTPS before it"
                )

        run(recognizer, options, on_listening=say)


@contextmanager
def _place(gallery: str | None) -> Iterator[str]:
    if gallery is not None:
        yield gallery
        return
    with tempfile.TemporaryDirectory(prefix="onelook-serve-") as folder:
        yield str(Path(folder) / "demo.gallery")


def _enroll_sample(output: Output, recognizer: Recognizer) -> None:
    from .. import sample

    output.note("… enrolling the sample catalog", style="cyan")
    recognizer.enroll_catalog(sample.catalog())
