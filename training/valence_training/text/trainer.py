"""A run of fine-tuning: its configuration, its stages, and the loop that trains one and can be stopped at any epoch.

Only the top layers are tuned; the loss is L1, because MAE is what is measured. A run is a function of its
configuration. Its state is written after every epoch: a run that was stopped goes on where it was, to the same result.
"""

import hashlib
import json
import random
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from valence_training.metrics import Metrics
from valence_training.paths import cache_dir
from valence_training.precision import fast_products
from valence_training.progress import Progress
from valence_training.text.distil import Distil
from valence_training.text.regressor import Regressor
from valence_training.text.samples import Draw, Mixture, batches
from valence_training.text.wordpiece import WordPiece

LIMIT = 128  # pieces with [CLS] and [SEP]; no training text is longer
Weights = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class Stage:
    """What to train on and how fast: rates are peaks, reached after 10 % of the steps and left linearly for 0."""

    name: str
    epochs: int
    head_rate: float
    layer_rate: float
    layers: int  # at the top that learn; what those below make of a text is kept, so fewer are much faster
    mixture: Mixture


@dataclass(frozen=True, slots=True)
class Config:
    """All that a run depends on besides the data."""

    encoder: str = "bge-small-en-v1.5"  # that it starts from, as scripts/fetch-encoder.sh knows it
    seed: int = 0
    repeat: int = 0  # of the MOSI stage, each with other seeds, from the same start
    general: Stage = Stage("general", 2, 1e-3, 7e-5, 6, Mixture(sentences=6_000, phrases=10_000, emobank=4_000))
    talk: Stage = Stage("talk", 1, 2e-4, 7e-5, 6, Mixture(phrases=1_500, emobank=8_000, max_words=40))
    talk_share: float = 2 / 3  # of the way from the general stage's weights to those of the talk stage
    mosi: Stage = Stage("mosi", 4, 5e-4, 1.2e-4, 4, Mixture(phrases=300, emobank=600))
    distil: Distil | None = field(default_factory=Distil)  # of the MOSI stage
    members: int = 3
    tuned: int = 6
    dropout: float = 0.1
    batch: int = 32
    decay: float = 0.01
    clip: float = 1.0
    bfloat16: bool = True  # products in half the bits, where the processor has them (precision.py)

    def directory(self) -> Path:
        """Return the directory of the run's state, named by its configuration."""
        return cache_dir("text", _digest(asdict(self)))

    def shared(self, stage: Stage) -> Path:
        """Return the file of a stage before MOSI's, which an encoder's runs that differ in later stages share."""
        other = {"encoder", "repeat", "members", "mosi", "distil", "talk_share"} | ({"talk"} - {stage.name})
        earlier = {name: value for name, value in asdict(self).items() if name not in other}
        return cache_dir("text", self.encoder) / f"{stage.name}-{_digest(earlier)}.pt"


def _digest(value: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]


@dataclass(slots=True)
class State:
    """Where a stage is: epochs done, the weights and optimiser there, the best weights so far."""

    done: int = 0
    weights: Weights = field(default_factory=dict)
    optimizer: dict[str, Any] = field(default_factory=dict)
    best: Weights = field(default_factory=dict)
    best_mae: float = float("inf")
    history: list[str] = field(default_factory=list)

    def save(self, path: Path) -> None:
        """Write the state in one step: a reader sees the old or the new file, never half of one."""
        part = path.with_suffix(".part")
        torch.save({f.name: getattr(self, f.name) for f in fields(self)}, part)
        part.replace(path)

    @classmethod
    def load(cls, path: Path) -> "State":
        """Return the state in the file, or that of a stage not yet begun."""
        return cls(**torch.load(path, weights_only=True)) if path.exists() else cls()


def schedule(steps: int) -> list[float]:
    """Return the factor on the rates by step: a tenth of the way up to 1, then linearly down to 0."""
    warm = max(1, steps // 10)
    return [min((i + 1) / warm, (steps - i) / max(1, steps - warm)) for i in range(steps)]


class Trainer:
    """Trains one model, stage by stage, each from the weights that the model has then."""

    def __init__(self, config: Config, model: Regressor, wordpiece: WordPiece) -> None:
        self.config, self.model, self.wordpiece = config, model, wordpiece

    def run(self, stage: Stage, seed: int, draw: Draw, validate: Callable[[], Metrics], file: Path) -> State:
        """Train on what `draw` gives each epoch, from the one that the file says on, and return the final state."""
        self.model.hold(self.config.tuned - stage.layers)
        state = State.load(file)
        steps = -(-len(draw(random.Random(seed))) // self.config.batch)  # noqa: S311
        factors = schedule(steps * stage.epochs)
        optimizer = self._optimizer(stage)
        if state.done and state.done < stage.epochs:
            self.model.load_tuned(state.weights)
            optimizer.load_state_dict(state.optimizer)
        progress = Progress(f"{stage.name} seed {seed}", steps * (stage.epochs - state.done))
        for epoch in range(state.done, stage.epochs):
            self._epoch(f"{seed}/{epoch}", draw, optimizer, factors[epoch * steps :], progress)
            result = validate()
            state.done = epoch + 1
            state.weights = self.model.tuned_state()
            state.optimizer = optimizer.state_dict() if state.done < stage.epochs else {}
            state.history.append(f"{stage.name} seed {seed} epoch {epoch + 1}: validation {result}")
            print(state.history[-1], file=sys.stderr, flush=True)
            if result.mae < state.best_mae:
                state.best_mae, state.best = result.mae, state.weights
            state.save(file)
        return state

    def _optimizer(self, stage: Stage) -> torch.optim.AdamW:
        """Return AdamW over head and tuned layers, each group with its peak rate; only matrices decay."""
        groups = []
        for part, rate in ((self.model.head, stage.head_rate), (self.model.bert.tuned, stage.layer_rate)):
            for matrix in (True, False):
                chosen = [p for p in part.parameters() if (p.ndim > 1) == matrix]
                decay = self.config.decay if matrix else 0.0
                groups.append({"params": chosen, "lr": rate, "peak": rate, "weight_decay": decay})
        return torch.optim.AdamW(groups)

    def _epoch(
        self,
        seed: str,
        draw: Draw,
        optimizer: torch.optim.Optimizer,
        factors: list[float],
        progress: Progress,
    ) -> None:
        """Pass once over what is drawn; its randomness depends on the seed alone, so it can be repeated."""
        rng = random.Random(seed)  # noqa: S311
        torch.manual_seed(rng.getrandbits(32))
        samples = draw(rng)
        encoded = [self.wordpiece.ids(rng.choice(sample.forms), LIMIT) for sample in samples]
        self.model.train()
        for group, factor in zip(batches([len(i) for i in encoded], self.config.batch, rng), factors, strict=False):
            for parameters in optimizer.param_groups:
                parameters["lr"] = parameters["peak"] * factor
            target = torch.tensor([samples[j].score for j in group])
            with fast_products(self.config.bfloat16):
                predicted = self.model.read([encoded[j] for j in group])
            loss = (predicted.float() - target).abs().mean()
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip)
            optimizer.step()
            progress.step(note=f"loss {loss.item():.3f}")
