"""`onelook doctor`: what to paste into an issue; no picture, label, path or address is in it."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any

import typer

from .. import __version__
from .command import command
from .options import GalleryPlace, JsonOption, open_recognizer
from .output import Output
from .text import file_size

PACKAGES = ("faiss-cpu", "numpy", "onnxruntime", "opencv-python-headless", "pillow", "sqlalchemy")
"""Whose versions explain most, beside those that a slim install leaves out."""

EXTRAS = ("openpyxl", "paho-mqtt", "pgvector", "pillow-heif", "psycopg", "ray")
ABSENT = "not installed"

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
@command
def doctor(
    output: Output,
    gallery: Annotated[
        str | None,
        typer.Option(
            "--gallery", "-g", parser=GalleryPlace, help="Also say what this gallery lacks."
        ),
    ] = None,
    json_output: JsonOption = False,
) -> None:
    """Say what an issue needs to tell: versions, device, caches, network use, a gallery's gaps.

    It fits a page and holds no picture, label, path or address.
    """
    told: dict[str, dict[str, Any]] = {
        "versions": _versions(),
        "machine": _machine(),
        "network": _network(),
        "cache": _cache(),
    }
    if gallery is not None:
        told["gallery"] = _gallery(gallery)
    if json_output:
        output.json(told)
        return
    for section, facts in told.items():
        output.line(section, style="bold")
        absent = [name for name, value in facts.items() if value == ABSENT]
        shown = {name: value for name, value in facts.items() if name not in absent}
        for name, value in (shown | ({ABSENT: ", ".join(absent)} if absent else {})).items():
            output.line(f"  {name:<32}  {value}")


def _versions() -> dict[str, Any]:
    from ..slim import LEFT_OUT

    return {
        "onelook": __version__,
        "python": platform.python_version(),
        **{package: _version(package) for package in (*PACKAGES, *LEFT_OUT.values(), *EXTRAS)},
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ABSENT


def _machine() -> dict[str, Any]:
    from ..backbones.devices import is_cpu
    from ..cores import available_cores
    from ..settings import PREFIX, load_settings

    settings = load_settings()
    own = sorted(name for name in os.environ if name.startswith(PREFIX))
    return {
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "cores to use": available_cores(),
        "accelerator": "none seen" if is_cpu("auto") else "may be there; torch is asked",
        "device, runtime": f"{settings.device}, {settings.runtime}",
        "variables set": ", ".join(own) or "none",
        "file names": sys.getfilesystemencoding(),
    }


def _network() -> dict[str, Any]:
    from ..backbones import DEFAULT_BACKBONE, is_exported

    intact = is_exported(DEFAULT_BACKBONE)
    return {
        DEFAULT_BACKBONE: "comes with the package, intact"
        if intact
        else "missing or damaged: install onelook again",
        "asks other machines": "never, unless a hub's backbone, a database, an object store or a "
        "cluster is named",
    }


def _cache() -> dict[str, Any]:
    from ..settings import cache_folder

    folder = cache_folder()
    files = [path for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else []
    existing = next(each for each in (folder, *folder.parents) if each.exists())
    return {
        "exists": _yes(folder.is_dir()),
        "can be written": _yes(os.access(existing, os.W_OK)),
        "holds": f"{len(files)} files, {file_size(sum(path.stat().st_size for path in files))}",
    }


def _gallery(place: str) -> dict[str, Any]:
    with open_recognizer(place, read_only=True) as recognizer:
        described = recognizer.gallery.describe()
        problems = recognizer.gallery.check()
        on_gallery_alone = recognizer.gallery.snapshot().calibration.automatic
    local = described.local_features
    kept = described.pictures
    lacks = [
        f"{local.without} examples without local features: `onelook upgrade --local-features "
        "auto` finds them in kept pictures"
        if local.without or not local.points
        else "",
        f"{described.examples - kept} examples without a kept picture: they can't be "
        "re-embedded, adapted or shown"
        if kept < described.examples
        else "",
        "a calibration on strangers or queries: `onelook calibrate`" if on_gallery_alone else "",
        described.advice or "",
    ]
    folder = Path(place[:])
    return {
        "kind": "database" if "://" in place[:] else "folder",
        "may be written": _yes("://" in place[:] or os.access(folder, os.W_OK)),
        "for its owner only": _owner_only(folder) if folder.is_dir() else "as the server says",
        "classes, examples": f"{described.classes}, {described.examples}",
        "backbone": _backbone(described.backbone),
        "index": described.index.engine,
        "calibration": described.calibration,
        "problems": f"{len(problems)}; `onelook check` tells them" if problems else "none",
        "lacks": "; ".join(filter(None, lacks)) or "nothing",
    }


def _backbone(name: str) -> str:
    """Its published name; one that is a file's or folder's path isn't told."""
    from ..backbones import available_backbones

    published = name.partition("@")[0]
    families = {each.partition(":")[0] for each in (*available_backbones(), "fake")}
    return published if published.partition(":")[0] in families else "a fine-tuned network"


def _owner_only(folder: Path) -> str:
    paths = [folder, *folder.iterdir()]
    return _yes(all(path.stat().st_mode & 0o077 == 0 for path in paths))


def _yes(fact: bool) -> str:
    return "yes" if fact else "no"
