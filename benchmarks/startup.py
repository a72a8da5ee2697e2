"""Start-up: help, an import, and one cold query, with where its time goes.

    python -m benchmarks.startup [--classes 10000] [--runs 10]

Every figure is of fresh processes, taken in turns, that find their bytecode compiled, as that of an
installed package is. The gallery is of made vectors at the default backbone's dimension, without
local features. Prints tables, writes JSON and a plot to
`bench-results/`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt

from benchmarks.made_gallery import BATCH
from benchmarks.measuring import RESULTS, Target, seconds_of, targets_table, write_results
from engine import sample
from engine.backbones import load_backbone
from engine.gallery import Gallery
from engine.testing.vectors import clustered_rows
from engine.types import NewExample

HEAVY = (
    "torch",
    "faiss",
    "sqlalchemy",
    "cv2",
    "timm",
    "open_clip",
    "matplotlib",
    "pandas",
    "fastapi",
    "sklearn",
)

STAGES = """
import json, sys, time
started = time.perf_counter()
def lap():
    global started
    taken, started = time.perf_counter() - started, time.perf_counter()
    return 1000 * taken
stages = {}
from engine.recognizer import Recognizer
stages["import"] = lap()
recognizer = Recognizer.open(sys.argv[1])
stages["open the gallery"] = lap()
recognizer.embedder
stages["load the network"] = lap()
embedding = recognizer.embed([sys.argv[2]])
stages["decode and embed"] = lap()
recognizer.recognize_embeddings(embedding)
stages["search and decide"] = lap()
recognizer.close()
stages["close"] = lap()
print(json.dumps(stages))
"""


def filled(path: Path, classes: int) -> None:
    """A gallery of made vectors in the default backbone's space."""
    space = load_backbone().space
    vectors = clustered_rows(classes, space.dimension)
    with Gallery.create(path, space=space) as gallery:
        for start in range(0, classes, BATCH):
            gallery.enroll(
                [
                    NewExample(f"class {n}", f"/made/{n}", f"{n:064x}", 1, 1, vectors[n])
                    for n in range(start, min(classes, start + BATCH))
                ]
            )


def in_turns(commands: dict[str, list[str]], runs: int) -> dict[str, float]:
    """Milliseconds a command, the median; each runs once before it counts."""
    for command in commands.values():
        run(command)
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, command in commands.items():
            taken[name].append(1000 * seconds_of(partial(run, command)))
    return {name: median(of_one) for name, of_one in taken.items()}


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr}")
    return done


def loaded_modules(command: list[str]) -> tuple[set[str], dict[str, float]]:
    """The packages that a command imports, and the milliseconds that each takes by itself."""
    taken: defaultdict[str, float] = defaultdict(float)
    for line in run([command[0], "-X", "importtime", *command[1:]]).stderr.splitlines():
        figures, _, name = line.removeprefix("import time:").rpartition("|")
        alone = figures.partition("|")[0].strip()
        if alone.isdecimal():
            taken[name.strip().partition(".")[0]] += int(alone) / 1000
    return set(taken), dict(sorted(taken.items(), key=lambda item: -item[1]))


def stages(gallery: Path, picture: Path, runs: int) -> dict[str, float]:
    """Milliseconds of each stage of one query through the Python API, the median."""
    command = [sys.executable, "-c", STAGES, str(gallery), str(picture)]
    found = [json.loads(run(command).stdout) for _ in range(runs)]
    return {name: median(one[name] for one in found) for name in found[0]}


def measured(classes: int, runs: int) -> tuple[dict[str, Any], list[Target]]:
    """Every figure, and the targets."""
    python, onelook = [sys.executable], [sys.executable, "-m", "engine.cli"]
    with tempfile.TemporaryDirectory(prefix="onelook-startup-") as folder:
        gallery = Path(folder) / "made.gallery"
        filled(gallery, classes)
        picture = min(sample.queries().glob("*.png"))
        query = [*onelook, "recognize", str(picture), "--gallery", str(gallery)]
        commands = {
            "python -c pass": [*python, "-c", "pass"],
            "python -c 'import engine'": [*python, "-c", "import engine"],
            "onelook --help": [*onelook, "--help"],
            f"onelook recognize, {classes:,} classes": query,
        }
        taken = in_turns(commands, runs)
        of_stages = stages(gallery, picture, runs)
        modules, imports = loaded_modules(query)
    bare, _ = loaded_modules([*python, "-c", "import engine"])
    results = {
        "milliseconds": taken,
        "stages_ms": of_stages,
        "imports_ms": dict(list(imports.items())[:8]),
        "import engine loads": sorted(bare & set(HEAVY)),
        "recognize loads": sorted(modules & set(HEAVY)),
    }
    cold = f"onelook recognize, {classes:,} classes"
    ratio = taken["onelook --help"] / taken["python -c pass"]
    targets = [
        Target("onelook --help / python -c pass", ratio, 10, at_most=True),
        Target("import engine: heavy packages loaded", len(bare & set(HEAVY)), 0, at_most=True),
        Target("onelook recognize: torch loaded", float("torch" in modules), 0, at_most=True),
        Target(f"{cold}, ms", taken[cold], 600, at_most=True),
    ]
    return results, targets


def table(results: dict[str, Any]) -> str:
    lines = [f"{name:42}{taken:9.0f} ms" for name, taken in results["milliseconds"].items()]
    lines += ["", "one cold query through the Python API, by stage"]
    lines += [f"    {name:38}{taken:9.1f} ms" for name, taken in results["stages_ms"].items()]
    lines += ["", "what `onelook recognize` imports, by package (traced, so slower)"]
    lines += [f"    {name:38}{taken:9.1f} ms" for name, taken in results["imports_ms"].items()]
    loaded = {name: results[name] for name in ("import engine loads", "recognize loads")}
    lines += [""] + [f"{name}: {', '.join(of) or 'none'}, of {', '.join(HEAVY)}"
                     for name, of in loaded.items()]  # fmt: skip
    return "\n".join(lines)


def plot(results: dict[str, Any], path: Path) -> None:
    figure, axes = plt.subplots(figsize=(7, 2), layout="constrained")
    left = 0.0
    for name, taken in results["stages_ms"].items():
        axes.barh([0], [taken], left=left, label=f"{name} {taken:.0f}")
        left += taken
    axes.set(xlabel="ms", yticks=[], title="One cold query")
    axes.legend(frameon=False, ncols=3, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.4))
    figure.savefig(path, dpi=130)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--classes", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=10)
    arguments = parser.parse_args()
    results, targets = measured(arguments.classes, arguments.runs)
    print(table(results) + "\n")
    print(targets_table(targets))
    write_results("startup", results, targets)
    plot(results, RESULTS / "startup.png")
    print(f"{RESULTS / 'startup.json'}, {RESULTS / 'startup.png'}")


if __name__ == "__main__":
    main()
