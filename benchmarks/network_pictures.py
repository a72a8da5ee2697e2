"""The pictures that the default network may be trained on: freely licensed icons of npm packages.

Each picture is a class. The packages are fetched by `npm pack`, and their drawings rendered by
`rsvg-convert`; both must be installed. `PACKAGES` says under which licence each is published, as
its `info.json` states it; what is share-alike or of mixed terms is left out.
"""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

PACKAGES = {
    "circle-flags": "MIT",
    "cryptocurrency-color": "CC0-1.0",
    "devicon": "MIT",
    "flag": "MIT",
    "flat-color-icons": "MIT",
    "fluent-emoji-flat": "MIT",
    "game-icons": "CC-BY-3.0",
    "logos": "CC0-1.0",
    "material-icon-theme": "MIT",
    "meteocons": "MIT",
    "skill-icons": "MIT",
    "streamline-kameleon-color": "CC-BY-4.0",
    "streamline-plump-color": "CC-BY-4.0",
    "streamline-ultimate-color": "CC-BY-4.0",
    "token-branded": "MIT",
    "unjs": "Apache-2.0",
    "vscode-icons": "MIT",
}
SIDE = 256


def write_pictures(folder: Path, packages: list[str], *, most: int) -> dict[str, int]:
    """Render at most so many drawings of each package; how many of each there are.

    Exits with a message where a package's licence isn't the one noted here.
    """
    for tool in ("npm", "rsvg-convert"):
        if shutil.which(tool) is None:
            raise SystemExit(f"expected the program {tool}, but it isn't installed")
    folder.mkdir(parents=True, exist_ok=True)
    written = {}
    for package in packages:
        with tempfile.TemporaryDirectory() as aside:
            info, icons = _fetched(package, Path(aside))
        stated = info["license"].get("spdx")
        if stated != PACKAGES[package]:
            raise SystemExit(f"{package}: expected the licence {PACKAGES[package]}, got {stated}")
        names = sorted(name for name, icon in icons["icons"].items() if not icon.get("hidden"))
        random.Random(package).shuffle(names)
        rendered = (_render(icons, name, folder / f"{package}-{name}.png") for name in names[:most])
        written[package] = sum(rendered)
    return written


def _fetched(package: str, aside: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    command = ["npm", "pack", "--silent", f"@iconify-json/{package}"]
    subprocess.run(command, cwd=aside, check=True, stdout=subprocess.DEVNULL)
    [archive] = aside.glob("*.tgz")
    with tarfile.open(archive) as packed:
        packed.extractall(aside, filter="data")
    root = aside / "package"
    return json.loads((root / "info.json").read_text()), json.loads(
        (root / "icons.json").read_text()
    )


def _render(icons: dict[str, Any], name: str, target: Path) -> bool:
    icon = icons["icons"][name]
    width, height = (icon.get(side, icons.get(side, 16)) for side in ("width", "height"))
    left, top = icon.get("left", 0), icon.get("top", 0)
    body = re.sub("currentColor", "#222", icon["body"])
    drawing = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="{left} {top} {width} {height}" width="{width}" height="{height}">{body}</svg>'
    )
    command = ["rsvg-convert", "--height", str(SIDE), "--keep-aspect-ratio", "--output", target]
    done = subprocess.run(command, input=drawing.encode(), stderr=subprocess.DEVNULL, check=False)
    return done.returncode == 0
