"""A small version of the speed benchmarks, one after another, gathered in benchmarks/RESULTS.md.

    python -m benchmarks results [--only NAME ...] [--tiny] [--out FILE]

`make bench` runs this. Each benchmark is a process of its own; its table goes into the file as it
was printed. `--only` runs some and takes the others' tables from their last run. What the figures
show, and why a target is missed, is told in `benchmarks/NOTES.md`, which is put at the end.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.measuring import RESULTS

HERE = Path(__file__).parent
SMALL = {
    "startup": ["--runs", "7"],
    "throughput": ["--share", "0.12"],
    "peers": ["--vectors", "10000", "--turns", "100", "--pictures", "360"],
    "latency": ["--classes", "1000,10000"],
    "search": ["--vectors", "10000,100000"],
    "growth": ["--most-classes", "30000", "--classes", "1000", "--repeats", "3"],
    "memory": ["--pictures", "10000", "--classes", "20000"],
    "service": ["--callers", "8", "--seconds", "10"],
}
TINY = {
    "startup": ["--runs", "1", "--classes", "50"],
    "throughput": ["--share", "0", "--only", "decoding"],
    "peers": ["--vectors", "300", "--turns", "2", "--pictures", "8", "--dimension", "16"],
    "latency": ["--classes", "200"],
    "search": ["--vectors", "1000", "--dimension", "16", "--turns", "1"],
    "growth": ["--most-classes", "3000", "--classes", "20", "--repeats", "1"],
    "memory": ["--pictures", "2000", "--classes", "200", "--dimension", "16"],
    "service": ["--callers", "2", "--seconds", "1"],
}
TITLES = {
    "startup": "Start-up",
    "throughput": "Throughput",
    "peers": "Peers",
    "latency": "Latency of one query",
    "search": "The index alone",
    "growth": "Growth",
    "memory": "Memory",
    "service": "The service under callers",
}


def run(name: str, options: list[str]) -> None:
    """Run one benchmark, showing what it prints; its table is kept beside its JSON."""
    started = time.monotonic()
    print(f"== {name} {' '.join(options)}", flush=True)
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", *options],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        cwd=HERE.parent,
    )
    print(done.stdout, flush=True)
    if done.returncode:
        raise SystemExit(f"the benchmark {name} failed (exit {done.returncode})")
    print(f"== {name} took {time.monotonic() - started:.0f} s\n", flush=True)
    lines = [line for line in done.stdout.splitlines() if not line.startswith(str(RESULTS))]
    command = f"python -m benchmarks {' '.join([name, *options])}"
    (RESULTS / f"{name}.txt").write_text(f"{command}\n" + "\n".join(lines).strip() + "\n")


def gathered(names: list[str]) -> str:
    """What was kept of those benchmarks, and the notes, as Markdown."""
    parts = [
        "# Results",
        "Made by `make bench`; ratios matter more than times. Each section tells its command, its "
        "date and its machine.",
        targets(names),
    ]
    for name in names:
        command, _, table = (RESULTS / f"{name}.txt").read_text().partition("\n")
        written = json.loads((RESULTS / f"{name}.json").read_text())
        taken = f"`{command}`, {written['date']}. {described(written['machine'])}"
        parts += [f"## {TITLES[name]}", taken, f"```\n{table.strip()}\n```"]
    notes = HERE / "NOTES.md"
    if notes.exists():
        parts.append(notes.read_text().strip())
    return "\n\n".join(parts) + "\n"


def targets(names: list[str]) -> str:
    """Every target of those benchmarks, and whether it was met, as a Markdown table."""
    rows = ["| target | wanted | measured | |", "|---|---|---|---|"]
    for name in names:
        written: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text())
        for target in written.get("targets", ()):
            sign = "≤" if target["at_most"] else "≥"
            verdict = "met" if target["met"] else "**missed**"
            rows.append(
                f"| {target['name']} | {sign} {target['wanted']:g} "
                f"| {target['measured']:.2f} | {verdict} |"
            )
    return "\n".join(rows)


def described(found: dict[str, Any]) -> str:
    """The machine and the versions in a sentence."""
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    threads = found["threads"] or "as many as cores"
    return (
        f"On {found['cores']} cores ({found['processor']}), threads {threads}; "
        f"Python {found['python']}, {versions}."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="*", choices=SMALL, help="run these, keep the others' last")
    parser.add_argument("--tiny", action="store_true", help="to see that all run; means nothing")
    parser.add_argument("--out", type=Path, default=HERE / "RESULTS.md")
    arguments = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    chosen = TINY if arguments.tiny else SMALL
    for name in arguments.only or chosen:
        run(name, chosen[name])
    kept = [name for name in SMALL if (RESULTS / f"{name}.txt").exists()]
    arguments.out.write_text(gathered(kept))
    print(arguments.out)


if __name__ == "__main__":
    main()
