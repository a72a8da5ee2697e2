"""Fits what is shipped for the default backbone: its projection, and its cohort of impostors.

    python -m benchmarks.shipped --pair emoji A B --pair icons C D ... --out FOLDER

A pair is a kind of picture and two folders in which files of one stem show the same thing by
different hands. The projection whitens the difference between hands (within-class covariance
normalisation; Hatch et al., "Within-Class Covariance Normalization for SVM-based Speaker
Recognition", 2006): with the covariance `C` of `(a − b) / √2` over the pairs, every kind weighing
the same and the trace brought to 1, the matrix is `E · (0.9 Λ + 0.1 mean(Λ))^-½` for `C = E Λ Eᵀ`,
and the mean is the mean of the kinds' means. The cohort is a seeded sample of all kinds, evenly.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np

from engine.backbones import load_backbone
from engine.features import Embedder
from engine.images import load_image
from engine.projections import Projection

SHRINKAGE = 0.1
COHORT = 512
Array = np.ndarray


def fit(pairs: dict[str, list[tuple[Array, Array]]]) -> tuple[Projection, Array]:
    """The projection and the cohort, from each kind's pairs of `(n, dim) float32` unit rows."""
    means, covariances = [], []
    for sets in pairs.values():
        means.append(np.mean([(a.mean(0) + b.mean(0)) / 2 for a, b in sets], axis=0))
        covariances.append(np.mean([np.cov((a - b).T, bias=True) / 2 for a, b in sets], axis=0))
    covariance = np.mean(covariances, axis=0)
    values, vectors = np.linalg.eigh(covariance / np.trace(covariance))
    values = (1 - SHRINKAGE) * np.maximum(values, 0.0) + SHRINKAGE * values.mean()
    matrix = (vectors * values**-0.5).astype(np.float16).astype(np.float32)
    projection = Projection("shipped", np.mean(means, axis=0).astype(np.float32), matrix)
    random = np.random.default_rng(0)
    each = COHORT // len(pairs) + 1
    sample = [
        rows[random.permutation(len(rows))[:each]]
        for rows in (np.concatenate([x for pair in sets for x in pair]) for sets in pairs.values())
    ]
    return projection, random.permutation(np.concatenate(sample))[:COHORT]


def embedded(embedder: Embedder, folder: Path, stems: list[str]) -> Array:
    """`(n, dim) float32` of the pictures of those stems."""
    files = {path.stem: path for path in folder.iterdir()}
    return embedder.embed(load_image(files[stem]).pixels for stem in stems)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--pair", nargs=3, action="append", required=True, metavar=("KIND", "A", "B")
    )
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    embedder = Embedder(load_backbone())
    pairs: dict[str, list[tuple[Array, Array]]] = defaultdict(list)
    for kind, *folders in arguments.pair:
        first, second = map(Path, folders)
        stems = sorted({p.stem for p in first.iterdir()} & {p.stem for p in second.iterdir()})
        pairs[kind].append((embedded(embedder, first, stems), embedded(embedder, second, stems)))
        print(f"{kind}: {len(stems)} pairs")
    write(*fit(pairs), arguments.out, embedder.space.id)


def write(projection: Projection, cohort: Array, folder: Path, space_id: str) -> None:
    """Write both files as `engine.projections.shipped` reads them."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{space_id}-projection.npz").write_bytes(projection.to_bytes())
    np.savez(folder / f"{space_id}-cohort.npz", vectors=cohort.astype(np.float16))
    print(f"{folder}: projection {projection.id}, cohort of {len(cohort)}")


if __name__ == "__main__":
    main()
