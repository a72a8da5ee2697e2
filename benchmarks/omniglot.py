"""The published one-shot test: Omniglot, within-alphabet, 20-way, one example, 20 official runs.

    python -m benchmarks.omniglot --data DIR

DIR holds Omniglot in its official layout, zipped or not: images_background, images_evaluation and
all_runs. A network is trained from scratch on the 30 background alphabets; the evaluation alphabets
are read only when it is done. Killed, it goes on with --resume where the last epoch ended.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks.omniglot_backbone import GlyphBackbone
from benchmarks.omniglot_data import Characters, Omniglot, OmniglotError
from benchmarks.omniglot_recipe import SETTINGS, STEPS, steps_a_second, train
from benchmarks.omniglot_report import describe, interval, table
from benchmarks.omniglot_tests import (
    OneShot,
    VerificationFigures,
    embed_characters,
    play_runs,
    verify_pairs,
)
from engine.errors import OnelookError
from engine.training.loop import Progress
from engine.training.siamese import train_head

HEAD_PENALTY = 1.0  # best on six background alphabets held out, of 0.01, 0.1, 1 and 10


@dataclass(frozen=True, slots=True)
class SeedResult:
    """What one seed's network came to."""

    seed: int
    epochs: int
    training_minutes: float
    parameters: int
    one_shot: OneShot
    verification: dict[str, VerificationFigures]


def main() -> int:
    """Train, test, print the table and write it as JSON; returns the exit code."""
    options = _options()
    try:
        data = Omniglot(options.data)
        background = data.characters("images_background")
        results = _run(options, data, background)
    except (OmniglotError, OnelookError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(table([result.one_shot for result in results], results[0].verification))
    print(
        describe(
            background,
            results[0].parameters,
            results[0].epochs,
            [result.training_minutes for result in results],
        )
    )
    target = options.out / "omniglot.json"
    target.write_text(json.dumps(_as_json(results), indent=2) + "\n")
    print(f"written to {target}")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="Omniglot's folder, zipped or not")
    parser.add_argument("--out", type=Path, default=Path("omniglot-results"))
    parser.add_argument("--seeds", type=int, default=1, help="networks to train, one after another")
    parser.add_argument(
        "--minutes", type=float, help="train about so long, one epoch at least, instead of in full"
    )
    parser.add_argument("--resume", action="store_true", help="go on with what --out holds")
    return parser.parse_args()


def _run(options: argparse.Namespace, data: Omniglot, background: Characters) -> list[SeedResult]:
    runs = data.runs()  # read at once, so that a missing part is said before the training
    epochs = _plan(options, background)
    networks = []
    for seed in range(options.seeds):
        network, outcome = train(
            background,
            seed=seed,
            epochs=epochs,
            checkpoint=options.out / f"seed{seed}.pt",
            on_progress=_show,
        )
        networks.append((seed, network, outcome.history[-1].seconds / 60))
    evaluation = data.characters("images_evaluation")
    results = []
    for seed, network, minutes in networks:
        backbone = GlyphBackbone(network)
        embeddings = embed_characters(background, backbone)
        head = train_head(embeddings, background.classes, penalties=(HEAD_PENALTY,), seed=seed)
        results.append(
            SeedResult(
                seed=seed,
                epochs=epochs,
                training_minutes=minutes,
                parameters=sum(weights.numel() for weights in network.parameters()),
                one_shot=play_runs(runs, backbone, head),
                verification=verify_pairs(background, evaluation, backbone, embeddings, head),
            )
        )
    return results


def _plan(options: argparse.Namespace, background: Characters) -> int:
    """How many epochs to train; kept beside the checkpoints, since a run must resume with it."""
    path = options.out / "plan.json"
    if path.exists():
        if not options.resume:
            raise OmniglotError(
                f"{options.out}: holds a run already; go on with it by --resume, "
                "or give another folder by --out"
            )
        return int(json.loads(path.read_text())["epochs"])
    epochs = SETTINGS.epochs
    if options.minutes is not None:
        steps = options.minutes * 60 * steps_a_second(background)
        epochs = max(1, round(steps / STEPS))
    options.out.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"epochs": epochs}) + "\n")
    return epochs


def _show(progress: Progress) -> None:
    print(
        f"{time.strftime('%H:%M:%S')}  epoch {progress.epoch} of {progress.epochs}  "
        f"loss {progress.loss:.3f}  {progress.seconds / 60:.1f} min",
        flush=True,
    )


def _as_json(results: list[SeedResult]) -> dict[str, object]:
    figures: dict[str, object] = {}
    for method in ("cosine", "siamese"):
        right = [getattr(result.one_shot, method) for result in results]
        shares = np.array(right) / results[0].one_shot.trials
        low, high = interval(right[0], results[0].one_shot.trials)
        figures[method] = {
            "accuracy": float(shares.mean()),
            "spread": float(shares.std(ddof=1)) if len(results) > 1 else None,
            "interval_95_of_first_seed": [low, high],
        }
    return {
        "one_shot": figures,
        "seeds": [asdict(result) for result in results],
        "torch": torch.__version__,
    }


if __name__ == "__main__":
    raise SystemExit(main())
