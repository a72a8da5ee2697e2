"""The table of the published test, beside what others reached."""

from __future__ import annotations

import math

import numpy as np
import torch

from benchmarks.omniglot_data import Characters
from benchmarks.omniglot_recipe import (
    BATCH,
    CLASSES_PER_GROUP,
    DIMENSION,
    DISTORTION,
    INPUT,
    POSES,
    STEPS,
    TURNS,
)
from benchmarks.omniglot_tests import OneShot, VerificationFigures

PUBLISHED = (
    ("nearest neighbour on pixels", 21.7),
    ("Koch et al. 2015, convolutional Siamese network", 92.0),
    ("human", 95.5),
    ("ARC (arXiv 1703.00767)", 98.5),
)
KOCH_VERIFICATION = 93.42


def interval(right: int, trials: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    z = 1.959964
    share, spread = right / trials, z * z / trials
    centre = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(share * (1 - share) / trials + spread / (4 * trials))
    return centre - half, centre + half


def table(one_shot: list[OneShot], verification: dict[str, VerificationFigures]) -> str:
    """Everything measured, as text: one-shot accuracy over the seeds, verification of the first."""
    lines = ["", "Within-alphabet 20-way one-shot, official runs, each test image alone", ""]
    lines += [_line(name, f"{share:5.1f} %", "published") for name, share in PUBLISHED]
    for method, name in (("cosine", "Onelook, cosine"), ("siamese", "Onelook, Siamese head")):
        right = [getattr(result, method) for result in one_shot]
        lines.append(_line(name, *_measured(right, one_shot[0].trials)))
    lines += ["", "Verification on balanced pairs of the evaluation alphabets (first seed)", ""]
    lines.append(_line("Koch et al. 2015", f"{KOCH_VERIFICATION:5.2f} %", "published"))
    for impostors, figures in verification.items():
        note = f"{figures.pairs} pairs, impostors of {impostors}, AUROC"
        lines.append(
            _line(
                "Onelook, cosine",
                f"{100 * figures.cosine:5.2f} %",
                f"{note} {figures.cosine_auroc:.4f}",
            )
        )
        lines.append(
            _line(
                "Onelook, Siamese head",
                f"{100 * figures.siamese:5.2f} %",
                f"{note} {figures.siamese_auroc:.4f}",
            )
        )
    return "\n".join(lines)


def _measured(right: list[int], trials: int) -> tuple[str, str]:
    shares = 100 * np.array(right) / trials
    low, high = interval(right[0], trials)
    note = f"{right[0]} of {trials}, 95 % interval {100 * low:.1f} to {100 * high:.1f} %"
    if len(right) > 1:
        each = ", ".join(f"{share:.2f}" for share in shares)
        note = f"mean of seeds {each}; spread {shares.std(ddof=1):.2f}; first seed {note}"
    return f"{shares.mean():5.2f} %", note


def _line(name: str, figure: str, note: str) -> str:
    return f"  {name:<50}{figure:>9}   {note}"


def describe(background: Characters, parameters: int, epochs: int, minutes: list[float]) -> str:
    """The protocol, in words."""
    shown = ", ".join(f"{spent:.0f}" for spent in minutes)
    limits = DISTORTION
    characters = int(background.classes.max()) + 1
    return f"""
Protocol
  training     {len(background.names)} background alphabets, {characters} characters,
               {len(background.glyphs):,} drawings, nothing else;
               recipe chosen on six of the 30 held out, before the evaluation set was read
  classes      each character in {TURNS} turns (0, 90, 180, 270 degrees, plain and mirrored)
  input        cropped to the ink and centred; {INPUT} x {INPUT} pixels
  augmentation rotation {math.degrees(limits.rotation):.0f} degrees, stretch of each axis \
{100 * math.expm1(limits.stretch):.0f} %, shear {limits.shear}, shift
               {100 * limits.shift / 2:.0f} %, elastic, thinner and thicker strokes
  batches      {BATCH} pictures: up to {CLASSES_PER_GROUP} characters of an alphabet, 2 drawers each
  loss         supervised contrastive, temperature 0.1; AdamW, one cycle; averaged weights
  length       {epochs} epochs of {STEPS} batches; {shown} minutes on {machine()}
  parameters   {parameters:,}, from random weights
  embedding    {DIMENSION} numbers; the mean over {len(POSES)} slightly moved views of the picture
  comparison   each test image alone against the 20 examples of its run; no joint assignment
  Siamese head logistic regression on |a - b|, trained and calibrated on background pairs"""


def machine() -> str:
    """What trained, in words."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"a CPU, {torch.get_num_threads()} threads"
