"""One training loop for every net: same budget, same choice of the checkpoint.

The checkpoint kept is the epoch with the lowest MAE on the validation clips; training stops when it has not improved
for some epochs. Deterministic by seed, and resumable after every epoch: what an epoch draws depends on the seed and its
number alone.
"""

from __future__ import annotations

import copy
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from valence_training.progress import Progress
from valence_training.sequences.batches import Clips


@dataclass(frozen=True)
class Budget:
    """What a net may spend: at most `epochs`, ended early after `patience` epochs without a better validation."""

    epochs: int = 40
    patience: int = 8
    batch: int = 32
    seed: int = 1


class Learner(nn.Module):
    """A net with its loss and optimiser; everything that a resumed run needs is in its state_dict."""

    def optimiser(self) -> torch.optim.Optimizer:
        """A new optimiser over what is to be trained."""
        raise NotImplementedError

    def loss(self, batch: Clips, epoch: int) -> Tensor:
        """The training loss of a batch in the given epoch, which counts from 0."""
        raise NotImplementedError

    def rate(self, done: float) -> float:  # noqa: ARG002
        """Factor on the rates when the share `done` of all epochs is over; constant unless a learner says otherwise."""
        return 1.0

    def clip(self) -> None:
        """Limit the gradients."""

    def stepped(self) -> None:
        """Called after each step of the optimiser."""

    def scores(self, batch: Clips) -> Tensor:
        """Predictions [B] on the MOSI scale."""
        raise NotImplementedError


@dataclass
class State:
    """Where a run is: epochs done, the best validation MAE, its epoch and its weights."""

    epoch: int = 0
    best: float = float("inf")
    best_epoch: int = 0
    weights: dict[str, Any] | None = None


def fit(
    learner: Learner, train: Clips, valid: Clips, budget: Budget, file: Path | None = None, name: str = ""
) -> State:
    """Train, resuming from `file` where it exists, and leave the learner with its best weights.

    With a `name` each epoch is reported on stderr.
    """
    state = State()
    optimiser = learner.optimiser()
    rates = [group["lr"] for group in optimiser.param_groups]
    if file is not None and file.exists():
        state = _restore(file, learner, optimiser, budget)
    steps = -(-len(train) // budget.batch)
    progress = Progress(name, (budget.epochs - state.epoch) * steps) if name else None
    while state.epoch < budget.epochs and state.epoch - state.best_epoch < budget.patience:
        order = np.random.default_rng([budget.seed, state.epoch]).permutation(len(train))
        torch.manual_seed(budget.seed * 1000 + state.epoch)
        learner.train()
        for step in range(steps):
            factor = learner.rate((state.epoch + step / steps) / budget.epochs)
            for group, rate in zip(optimiser.param_groups, rates, strict=True):
                group["lr"] = rate * factor
            _step(learner, optimiser, train.take(order[step::steps]), state.epoch)
            if progress:
                progress.step()
        state.epoch += 1
        mae = float((predict(learner, valid) - valid.target).abs().mean())
        if mae < state.best:
            state.best, state.best_epoch = mae, state.epoch
            state.weights = copy.deepcopy(learner.state_dict())
        if name:
            line = f"{name}  epoch {state.epoch}  valid MAE {mae:.3f}  best {state.best:.3f} ({state.best_epoch})"
            print(line, file=sys.stderr, flush=True)
        if file is not None:
            _save(file, learner, optimiser, budget, state)
    if state.weights is None:
        raise ValueError("the validation MAE was never a number; look for extreme values in the features")
    learner.load_state_dict(state.weights)
    return state


@torch.no_grad()
def predict(learner: Learner, data: Clips, size: int = 128) -> Tensor:
    """Predictions [N] of the learner in evaluation mode, within [-3, 3]."""
    learner.eval()
    return torch.cat([learner.scores(part) for part in data.parts(size)]).clamp(-3.0, 3.0)


def _step(learner: Learner, optimiser: torch.optim.Optimizer, batch: Clips, epoch: int) -> None:
    value = learner.loss(batch, epoch)
    optimiser.zero_grad()
    value.backward()
    learner.clip()
    optimiser.step()
    learner.stepped()


def _save(file: Path, learner: Learner, optimiser: torch.optim.Optimizer, budget: Budget, state: State) -> None:
    part = file.with_suffix(".part")
    torch.save(
        {
            "budget": asdict(budget),
            "learner": learner.state_dict(),
            "optimiser": optimiser.state_dict(),
            "state": asdict(state),
        },
        part,
    )
    part.replace(file)


def _restore(file: Path, learner: Learner, optimiser: torch.optim.Optimizer, budget: Budget) -> State:
    saved = torch.load(file, weights_only=True)
    if saved["budget"] != asdict(budget):
        raise ValueError(f"{file}: made with other settings ({saved['budget']}); remove it to train anew")
    learner.load_state_dict(saved["learner"])
    optimiser.load_state_dict(saved["optimiser"])
    return State(**saved["state"])
