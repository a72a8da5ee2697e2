"""The loss of pairs, by hand."""

import math

import pytest
import torch

from engine.training.losses import PairLoss
from engine.training.optimisation import interpolated

EYE = torch.eye(4)


def test_pairs_that_coincide_at_right_angles_cost_what_the_formula_says():
    # each row: its own at similarity 1, one other at 0; temperature 0.5
    loss = PairLoss(temperature=0.5, distillation=0.0)
    found = loss(torch.cat([EYE[:2], EYE[:2]]) * 3, torch.tensor([0, 1]), EYE[:2])
    assert found.item() == pytest.approx(math.log(1 + math.exp(-2)))


def test_the_two_directions_are_weighed():
    # both photographs look like the first picture: one of two photographs finds its own, and each
    # picture finds both photographs alike
    loss = PairLoss(temperature=1.0, photograph_share=0.6, distillation=0.0)
    found = loss(EYE[[0, 1, 0, 0]], torch.tensor([0, 1]), EYE[:2])
    right, wrong = -math.log(math.e / (math.e + 1)), -math.log(1 / (math.e + 1))
    assert found.item() == pytest.approx(0.6 * (right + wrong) / 2 + 0.4 * math.log(2))


def test_pictures_of_one_class_are_not_told_apart():
    loss = PairLoss(temperature=0.5, distillation=0.0)
    assert loss(EYE[[0, 0, 0, 0]], torch.tensor([7, 7]), EYE[:2]).item() == pytest.approx(0)


def test_drifting_from_the_teacher_costs():
    # the picture stays, the further photograph turns by 60 degrees: the mean cosine is 3/4
    further = torch.tensor([[0.5, math.sqrt(0.75), 0, 0]])
    loss = PairLoss(distillation=2.0)
    found = loss(torch.cat([EYE[:1], EYE[:1], further]), torch.tensor([0]), EYE[[0, 0]])
    assert found.item() == pytest.approx(2 * 0.25)


def test_weights_are_interpolated_and_counters_are_not():
    base = {"weight": torch.tensor([0.0, 4.0]), "seen": torch.tensor(3)}
    tuned = {"weight": torch.tensor([2.0, 8.0]), "seen": torch.tensor(5)}
    found = interpolated(base, tuned, 0.25)
    assert found["weight"].tolist() == [0.5, 5.0]
    assert found["seen"].item() == 5
