"""The training loop: any embedding network, any metric-learning loss, any source of batches.

Same seed, same data, same machine: the same weights, whether or not the run was interrupted. The
randomness of an epoch derives from the seed and the epoch's number alone, and a checkpoint is
taken after each epoch, so a run that was killed repeats at most one epoch and ends as it would
have ended.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from ..errors import TrainingError
from ..memory import keep_freed_memory
from .checkpoints import load_checkpoint, save_checkpoint
from .optimisation import moving_average, one_cycle, parameter_groups
from .precision import default_dtype
from .prefetch import prefetched


class BatchSource(Protocol):
    """Where batches come from.

    Attributes:
        steps: batches an epoch.
    """

    steps: int

    def epoch(self, seed: int) -> Iterator[tuple[Tensor, ...]]:
        """Yield `steps` batches: images `(n, channels, height, width) float32`, and what the loss
        takes besides their embeddings, such as labels `(n,) int64`. The seed alone must determine
        them. They are made in another thread than the network runs in, so torch's global random
        numbers must not be used."""
        ...


@dataclass(frozen=True, slots=True)
class FitSettings:
    """How a network is trained.

    Attributes:
        epochs: how many, unless training stops early.
        learning_rate: the peak of the one-cycle schedule.
        weight_decay: AdamW's, on matrices and kernels only.
        warmup: the share of all steps over which the rate climbs to its peak.
        averaging: decay of the moving average of the weights, which is what is kept.
        patience: epochs without a better held-out figure after which training stops; None: never.
        seed: of everything random.
    """

    epochs: int
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    warmup: float = 0.05
    averaging: float = 0.998
    patience: int | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """One finished epoch.

    Attributes:
        epoch, epochs: its number, from 1, and how many there are.
        loss: the epoch's mean training loss.
        held_out: the figure on held-out classes, higher is better; None where none is measured.
        best: the best held-out figure so far.
        seconds: spent training up to here, interrupted runs included.
    """

    epoch: int
    epochs: int
    loss: float
    held_out: float | None
    best: float | None
    seconds: float


@dataclass(frozen=True, slots=True)
class FitOutcome:
    """What training came to.

    Attributes:
        history: every epoch's progress.
        best_epoch: the epoch whose weights the network now has.
        stopped_early: whether patience ran out.
    """

    history: tuple[Progress, ...]
    best_epoch: int
    stopped_early: bool


def fit(
    network: nn.Module,
    loss: Callable[..., Tensor],
    batches: BatchSource,
    settings: FitSettings,
    *,
    evaluate: Callable[[nn.Module], float] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    checkpoint: Path | None = None,
    device: torch.device | None = None,
    dtype: torch.dtype | None = None,
    task: str = "",
) -> FitOutcome:
    """Train `network` in place; it ends with the averaged weights of the best epoch, in eval mode.

    Args:
        network: maps a batch of images to embeddings `(n, dim)`, of any length.
        loss: maps embeddings `(n, dim) float32` and what else the batches hold to a scalar.
        evaluate: a figure on held-out classes, higher is better, after each epoch. Without it
            the last epoch is the best.
        checkpoint: a file to resume from when it exists, and to save to after each epoch.
        device: where to train; a GPU when there is one.
        dtype: what the network multiplies in, its weights staying float32; by default half
            precision on a GPU and float32 elsewhere.
        task: what else a checkpoint must agree in, such as a hash of the data.

    Raises:
        TrainingError: the checkpoint belongs to other settings, another network or another task,
            or the loss is no longer finite.
    """
    device = device or default_device()
    if device.type == "cpu":
        keep_freed_memory()
    run = _Run(network, loss, batches, settings, device, dtype or default_dtype(device), task)
    if checkpoint is not None:
        run.resume(checkpoint)
    while not run.finished:
        progress = run.train_epoch(evaluate)
        if checkpoint is not None:
            save_checkpoint(checkpoint, run.state())
        if on_progress is not None:
            on_progress(progress)
    return run.conclude()


def default_device() -> torch.device:
    """The GPU when there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


class _Run:
    """The state of one training run between two epochs."""

    def __init__(
        self,
        network: nn.Module,
        loss: Callable[..., Tensor],
        batches: BatchSource,
        settings: FitSettings,
        device: torch.device,
        dtype: torch.dtype,
        task: str,
    ) -> None:
        self.network = network.to(device)
        self.loss = loss
        self.batches = batches
        self.settings = settings
        self.device = device
        self.dtype = dtype
        self.task = task
        self.averaged = AveragedModel(
            network, multi_avg_fn=moving_average(settings.averaging), use_buffers=True
        )
        self.optimizer = torch.optim.AdamW(
            parameter_groups(network, settings.weight_decay),
            lr=settings.learning_rate,
            betas=(0.9, 0.99),
        )
        self.scaler = torch.amp.GradScaler(device.type, enabled=dtype is torch.float16)
        self.history: list[Progress] = []
        self.best_state: dict[str, Any] | None = None
        self.best_epoch = 0

    @property
    def finished(self) -> bool:
        return len(self.history) >= self.settings.epochs or self.out_of_patience

    @property
    def out_of_patience(self) -> bool:
        patience = self.settings.patience
        return patience is not None and len(self.history) - self.best_epoch >= patience

    def train_epoch(self, evaluate: Callable[[nn.Module], float] | None) -> Progress:
        started = time.monotonic()
        number = len(self.history) + 1
        seed = self.settings.seed * 1_000_003 + number
        forked = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices=forked):
            torch.manual_seed(seed)
            mean_loss = self._train_steps(number, seed)
        held_out = None if evaluate is None else evaluate(self.averaged.module.eval())
        before = self.history[-1] if self.history else None
        best = before.best if before else None
        if held_out is None or best is None or held_out > best:
            best, self.best_epoch = held_out, number
            self.best_state = copy.deepcopy(self.averaged.module.state_dict())
        spent = (before.seconds if before else 0.0) + time.monotonic() - started
        self.history.append(
            Progress(number, self.settings.epochs, mean_loss, held_out, best, spent)
        )
        return self.history[-1]

    def _train_steps(self, number: int, seed: int) -> float:
        self.network.train()
        total = torch.zeros((), device=self.device)
        done = (number - 1) * self.batches.steps
        for step, batch in enumerate(prefetched(self.batches.epoch(seed))):
            self._set_rate((done + step) / (self.settings.epochs * self.batches.steps))
            total += self._step(*(part.to(self.device) for part in batch))
        mean_loss = float(total) / self.batches.steps
        if not math.isfinite(mean_loss):
            raise TrainingError(
                f"expected a finite loss, but got {mean_loss} in epoch {number}; "
                f"train with a smaller learning rate than {self.settings.learning_rate:g}"
            )
        return mean_loss

    def _step(self, images: Tensor, *targets: Tensor) -> Tensor:
        mixed = self.dtype is not torch.float32
        with torch.autocast(self.device.type, self.dtype, enabled=mixed):
            embeddings = self.network(images)
        value = self.loss(embeddings.float(), *targets)
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(value).backward()  # type: ignore[no-untyped-call]
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.averaged.update_parameters(self.network)
        return value.detach()

    def _set_rate(self, progress: float) -> None:
        rate = self.settings.learning_rate * one_cycle(progress, self.settings.warmup)
        for group in self.optimizer.param_groups:
            group["lr"] = rate

    def state(self) -> dict[str, Any]:
        return {
            "identity": self._identity(),
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "history": [asdict(progress) for progress in self.history],
            "best_state": self.best_state,
            "best_epoch": self.best_epoch,
        }

    def resume(self, checkpoint: Path) -> None:
        state = load_checkpoint(checkpoint)
        if state is None:
            return
        if state.get("identity") != self._identity():
            raise TrainingError(
                f"{checkpoint}: expected a checkpoint of this network, data and settings, but it "
                "belongs to a run with others; train with the same ones, or remove it"
            )
        self.network.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        self.history = [Progress(**progress) for progress in state["history"]]
        self.best_state = state["best_state"]
        self.best_epoch = state["best_epoch"]

    def conclude(self) -> FitOutcome:
        if self.best_state is not None:
            self.network.load_state_dict(self.best_state)
        self.network.eval()
        return FitOutcome(tuple(self.history), self.best_epoch, self.out_of_patience)

    def _identity(self) -> dict[str, Any]:
        """What a checkpoint must share with a run that resumes from it."""
        shapes = {name: list(value.shape) for name, value in self.network.state_dict().items()}
        return {
            "settings": asdict(self.settings),
            "steps": self.batches.steps,
            "shapes": shapes,
            "task": self.task,
        }
