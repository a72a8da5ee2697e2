"""The training loop: what it promises about seeds, interruptions and held-out figures."""

import numpy as np
import pytest
import torch
from torch import nn

from engine.errors import TrainingError
from engine.training.loop import FitSettings, fit
from engine.training.optimisation import one_cycle


class Blobs:
    """Batches of 4-pixel pictures around one point a class."""

    def __init__(self, steps=5, poison=False):
        self.steps = steps
        self.poison = poison
        self.centres = torch.randn(6, 1, 2, 2, generator=torch.Generator().manual_seed(0))

    def epoch(self, seed):
        random = torch.Generator().manual_seed(seed)
        for _ in range(self.steps):
            labels = torch.arange(6).repeat(4)
            noise = 0.3 * torch.randn(24, 1, 2, 2, generator=random)
            yield self.centres[labels] + noise + (torch.nan if self.poison else 0.0), labels


def small_network():
    torch.manual_seed(5)
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(4, 8),
        nn.BatchNorm1d(8),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Linear(8, 3),
    )


def small_loss():
    """Each class has a fixed direction that its embeddings should take."""
    directions = torch.randn(6, 3, generator=torch.Generator().manual_seed(6))

    def loss(embeddings, labels):
        return nn.functional.cross_entropy(embeddings @ directions.T, labels)

    return loss


def weights_of(network):
    return {name: value.numpy().copy() for name, value in network.state_dict().items()}


def assert_same_weights(one, other):
    assert one.keys() == other.keys()
    for name, value in one.items():
        np.testing.assert_array_equal(value, other[name], err_msg=name)


def test_training_lowers_the_loss():
    outcome = fit(
        small_network(), small_loss(), Blobs(), FitSettings(epochs=12, learning_rate=0.02)
    )
    assert outcome.history[-1].loss < 0.7 * outcome.history[0].loss


def test_the_same_seed_gives_the_same_weights_and_another_seed_others():
    results = []
    for seed in (1, 1, 2):
        network = small_network()
        fit(network, small_loss(), Blobs(), FitSettings(epochs=3, seed=seed))
        results.append(weights_of(network))
    assert_same_weights(results[0], results[1])
    assert not np.array_equal(results[0]["1.weight"], results[2]["1.weight"])


def test_training_leaves_the_callers_random_numbers_alone():
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    network, loss = small_network(), small_loss()
    torch.manual_seed(11)
    fit(network, loss, Blobs(), FitSettings(epochs=1))
    torch.testing.assert_close(torch.rand(3), expected)


class Killed(BaseException):
    pass


@pytest.mark.parametrize("killed_after", [1, 3])
def test_a_killed_run_resumes_to_the_weights_of_an_uninterrupted_one(tmp_path, killed_after):
    settings = FitSettings(epochs=5, seed=3)

    def figure(network):
        return network[1].weight.detach().abs().sum().item()

    whole = small_network()
    expected = fit(whole, small_loss(), Blobs(), settings, evaluate=figure)

    def kill(progress):
        if progress.epoch == killed_after:
            raise Killed

    checkpoint = tmp_path / "run" / "state.pt"
    with pytest.raises(Killed):
        fit(
            small_network(),
            small_loss(),
            Blobs(),
            settings,
            evaluate=figure,
            on_progress=kill,
            checkpoint=checkpoint,
        )
    epochs = []
    resumed = small_network()
    outcome = fit(
        resumed,
        small_loss(),
        Blobs(),
        settings,
        evaluate=figure,
        on_progress=lambda progress: epochs.append(progress.epoch),
        checkpoint=checkpoint,
    )
    assert epochs == list(range(killed_after + 1, 6))
    assert_same_weights(weights_of(resumed), weights_of(whole))
    assert [entry.held_out for entry in outcome.history] == [
        entry.held_out for entry in expected.history
    ]
    assert outcome.best_epoch == expected.best_epoch


def test_a_finished_run_is_read_back_without_training(tmp_path):
    settings = FitSettings(epochs=2)
    first = small_network()
    fit(first, small_loss(), Blobs(), settings, checkpoint=tmp_path / "state.pt")
    again = small_network()
    epochs = []
    fit(
        again,
        small_loss(),
        Blobs(),
        settings,
        on_progress=epochs.append,
        checkpoint=tmp_path / "state.pt",
    )
    assert epochs == []
    assert_same_weights(weights_of(again), weights_of(first))


def test_the_network_ends_with_the_best_epochs_weights_and_stops_when_patience_runs_out():
    figures = iter([0.2, 0.6, 0.5, 0.4, 0.9])
    kept = {}

    def evaluate(network):
        figure = next(figures)
        kept[figure] = weights_of(network)
        return figure

    network = small_network()
    outcome = fit(
        network,
        small_loss(),
        Blobs(),
        FitSettings(epochs=5, patience=2),
        evaluate=evaluate,
    )
    assert outcome.best_epoch == 2
    assert outcome.stopped_early
    assert [entry.best for entry in outcome.history] == [0.2, 0.6, 0.6, 0.6]
    assert_same_weights(weights_of(network), kept[0.6])
    assert not network.training


def test_a_checkpoint_of_other_settings_is_refused(tmp_path):
    checkpoint = tmp_path / "state.pt"
    fit(small_network(), small_loss(), Blobs(), FitSettings(epochs=1), checkpoint=checkpoint)
    with pytest.raises(TrainingError, match=r"state\.pt: expected a checkpoint of this network"):
        fit(small_network(), small_loss(), Blobs(), FitSettings(epochs=2), checkpoint=checkpoint)
    with pytest.raises(TrainingError, match="expected a checkpoint"):
        fit(
            small_network(),
            small_loss(),
            Blobs(),
            FitSettings(epochs=1),
            checkpoint=checkpoint,
            task="other pictures",
        )


def test_frozen_parameters_stay_as_they_were():
    network = small_network()
    network[1].requires_grad_(False)
    before = weights_of(network)
    fit(network, small_loss(), Blobs(), FitSettings(epochs=2))
    after = weights_of(network)
    np.testing.assert_array_equal(after["1.weight"], before["1.weight"])
    assert not np.array_equal(after["5.weight"], before["5.weight"])


def test_a_loss_that_is_no_longer_finite_stops_training():
    with pytest.raises(TrainingError, match=r"finite loss.*epoch 1"):
        fit(small_network(), small_loss(), Blobs(poison=True), FitSettings(2))


def test_the_rate_climbs_linearly_and_falls_along_half_a_cosine():
    assert one_cycle(0.05, 0.1) == pytest.approx(0.5)
    assert one_cycle(0.1, 0.1) == pytest.approx(1.0)
    assert one_cycle(0.55, 0.1) == pytest.approx(0.501)  # half-way down
    assert one_cycle(1.0, 0.1) == pytest.approx(0.002)


def test_half_precision_trains_to_nearly_the_same_loss():
    losses = []
    for dtype in (torch.float32, torch.bfloat16):
        settings = FitSettings(epochs=4, learning_rate=0.01)
        outcome = fit(small_network(), small_loss(), Blobs(), settings, dtype=dtype)
        losses.append(outcome.history[-1].loss)
    assert losses[1] != losses[0]
    assert losses[1] == pytest.approx(losses[0], rel=0.05)
