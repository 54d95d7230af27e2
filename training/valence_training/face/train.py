"""Train the face net on FER2013: `python -m valence_training.face.train`.

One run is one seed and one number of epochs. Its first part sees smaller pictures, which cost half as
much and teach the coarse shapes as well (progressive resizing). It ends with the moving average of the weights after
the last epoch (no epoch is chosen by its score). An interrupted run goes on after its last whole
epoch: every epoch draws from a generator seeded by (seed, epoch), so the result is the same.
"""

from __future__ import annotations

import argparse
import copy
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from valence_training import paths
from valence_training.data import fer
from valence_training.face.augment import Augment
from valence_training.face.metrics import evaluate, pixels
from valence_training.face.model import FaceNet
from valence_training.precision import fast_products


@dataclass(frozen=True)
class Recipe:
    """What decides the weights, together with the data."""

    seed: int = 1
    epochs: int = 120
    small_side: int = 36
    small_share: float = 0.55
    batch: int = 128
    rate: float = 0.1
    warm_up: float = 0.06
    momentum: float = 0.9
    weight_decay: float = 5e-4
    average: float = 0.997
    smoothing: float = 0.1
    emotion_weight_power: float = 0.5
    polarity_weight_power: float = 1.0
    bfloat16: bool = True


def train(recipe: Recipe, training: fer.Faces, validation: fer.Faces, folder: Path) -> FaceNet:
    """Train to the last epoch, going on from `folder`/checkpoint.pt if it is of the same recipe."""
    torch.manual_seed(recipe.seed)
    net = FaceNet().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    averaged = copy.deepcopy(net)
    optimiser = torch.optim.SGD(_groups(net, recipe), lr=recipe.rate, momentum=recipe.momentum, nesterov=True)
    checkpoint = folder / "checkpoint.pt"
    steps = math.ceil(len(training) / recipe.batch)
    losses = _Losses(recipe, training)
    clock = _Clock(recipe.epochs * steps)
    first = _resume(checkpoint, recipe, net, averaged, optimiser)
    clock.skip(first * steps)
    for epoch in range(first, recipe.epochs):
        order = np.random.default_rng((recipe.seed, epoch)).permutation(len(training))
        augment = Augment(recipe.seed * 1000 + epoch)
        torch.manual_seed(recipe.seed * 1000 + epoch)
        net.train()
        total = 0.0
        for step in range(steps):
            done = epoch * steps + step
            for group in optimiser.param_groups:
                group["lr"] = recipe.rate * _schedule(done / (recipe.epochs * steps), recipe.warm_up)
            batch = training.take(order[step * recipe.batch : (step + 1) * recipe.batch])
            faces = _resize(augment(pixels(batch.images)), recipe, epoch)
            with fast_products(recipe.bfloat16):
                _, emotion_logits, polarity_logits = net(faces)
            loss = losses(emotion_logits.float(), polarity_logits.float(), batch)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            _average(averaged, net, min(recipe.average, (1 + done) / (10 + done)))
            total += loss.item()
            clock.tick(f"epoch {epoch + 1}/{recipe.epochs}, loss {total / (step + 1):.3f}")
        _save(checkpoint, recipe, epoch + 1, net, averaged, optimiser)
        clock.say(f"epoch {epoch + 1}/{recipe.epochs}, validation: {evaluate(averaged, validation).line()}")
    return averaged


def main() -> None:
    """Command line."""
    defaults = Recipe()
    parser = argparse.ArgumentParser(description="Train the face net on FER2013.")
    parser.add_argument("--seed", type=int, default=defaults.seed)
    parser.add_argument("--epochs", type=int, default=defaults.epochs)
    parser.add_argument("--float32", action="store_true", help="faster on a CPU without AVX512-BF16, other weights")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.use_deterministic_algorithms(True)
    folder = paths.cache_dir("face")
    training, validation = fer.load_train(paths.data_dir() / "fer2013")
    print(f"{len(training)} faces to train on, {len(validation)} to validate on", flush=True)
    recipe = Recipe(seed=options.seed, epochs=options.epochs, bfloat16=not options.float32)
    train(recipe, training, validation, folder)


class _Losses:
    """Label-smoothed cross-entropies of both heads; surprise does not enter the polarity."""

    def __init__(self, recipe: Recipe, training: fer.Faces) -> None:
        self._emotion = _weights(training.emotion, len(fer.EMOTIONS), recipe.emotion_weight_power)
        polarity = training.polarity
        self._polarity = _weights(
            polarity[polarity != fer.NO_POLARITY], len(fer.POLARITIES), recipe.polarity_weight_power
        )
        self._smoothing = recipe.smoothing

    def __call__(self, emotion_logits: Tensor, polarity_logits: Tensor, batch: fer.Faces) -> Tensor:
        emotion = F.cross_entropy(
            emotion_logits,
            torch.from_numpy(batch.emotion),
            weight=self._emotion,
            label_smoothing=self._smoothing,
        )
        polarity = F.cross_entropy(
            polarity_logits,
            torch.from_numpy(batch.polarity),
            weight=self._polarity,
            label_smoothing=self._smoothing,
            ignore_index=fer.NO_POLARITY,
        )
        return emotion + polarity


class _Clock:
    """Progress with the time that is left, at most one line every twenty seconds."""

    def __init__(self, steps: int) -> None:
        self._steps, self._done, self._skipped = steps, 0, 0
        self._start = self._spoken = time.monotonic()

    def skip(self, steps: int) -> None:
        self._done = self._skipped = steps

    def tick(self, what: str) -> None:
        self._done += 1
        if time.monotonic() - self._spoken >= 20:
            self.say(what)

    def say(self, what: str) -> None:
        self._spoken = time.monotonic()
        rate = (self._done - self._skipped) / max(self._spoken - self._start, 1e-9)
        left = (self._steps - self._done) / max(rate, 1e-9) / 60
        print(f"[{(self._spoken - self._start) / 60:5.1f} min, {left:5.1f} left] {what}", flush=True)


def _resize(faces: Tensor, recipe: Recipe, epoch: int) -> Tensor:
    if epoch < recipe.small_share * recipe.epochs:
        faces = F.interpolate(faces, size=(recipe.small_side, recipe.small_side), mode="area")
    return faces.contiguous(memory_format=torch.channels_last)


def _schedule(share: float, warm_up: float) -> float:
    """Learning rate relative to its peak at a share of the run: linear rise, then half a cosine."""
    if share < warm_up:
        return share / warm_up
    return 0.5 * (1 + math.cos(math.pi * (share - warm_up) / (1 - warm_up)))


def _groups(net: nn.Module, recipe: Recipe) -> list[dict[str, Any]]:
    """Biases and normalisation are not decayed."""
    matrices = [p for p in net.parameters() if p.ndim > 1]
    vectors = [p for p in net.parameters() if p.ndim <= 1]
    return [
        {"params": matrices, "weight_decay": recipe.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]


def _weights(labels: np.ndarray[Any, np.dtype[np.int64]], classes: int, power: float) -> Tensor:
    """(mean count / count) ** power for each class."""
    count = np.bincount(labels, minlength=classes).astype(np.float64)
    return torch.from_numpy((count.mean() / count) ** power).float()


@torch.no_grad()
def _average(averaged: nn.Module, net: nn.Module, decay: float) -> None:
    for kept, new in zip(averaged.state_dict().values(), net.state_dict().values(), strict=True):
        if kept.dtype.is_floating_point:
            kept.lerp_(new, 1 - decay)
        else:
            kept.copy_(new)


def _save(
    path: Path,
    recipe: Recipe,
    epoch: int,
    net: nn.Module,
    averaged: nn.Module,
    optimiser: torch.optim.Optimizer,
) -> None:
    state = {
        "recipe": asdict(recipe),
        "epoch": epoch,
        "net": net.state_dict(),
        "averaged": averaged.state_dict(),
        "optimiser": optimiser.state_dict(),
    }
    part = path.with_suffix(".part")  # a run killed while it writes must find the old checkpoint
    torch.save(state, part)
    part.replace(path)


def _resume(path: Path, recipe: Recipe, net: nn.Module, averaged: nn.Module, optimiser: torch.optim.Optimizer) -> int:
    """Number of whole epochs already done."""
    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    if state["recipe"] != asdict(recipe):
        print(f"{path} is of another recipe: starting anew", flush=True)
        return 0
    net.load_state_dict(state["net"])
    averaged.load_state_dict(state["averaged"])
    optimiser.load_state_dict(state["optimiser"])
    return int(state["epoch"])


if __name__ == "__main__":
    main()
