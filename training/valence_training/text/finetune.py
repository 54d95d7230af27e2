"""Fine-tunes bge-small on sentiment: first SST, then MOSI, whose validation split picks the epoch.

    python -m valence_training.text.finetune --seed 0

The recipe and why: film reviews bring what 1,284 MOSI segments cannot; only the top layers are tuned; the loss is L1,
because MAE is what is measured. MOSI's test split is never read here. A run is a function of its configuration and
seed. Its state is written after every epoch: a run that was stopped goes on where it was, to the same result.
"""

import argparse
import hashlib
import json
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from valence_training.data import mosi
from valence_training.metrics import Metrics, metrics
from valence_training.paths import REPO, cache_dir
from valence_training.progress import Progress
from valence_training.text.bert import Bert, load_onnx
from valence_training.text.regressor import Regressor, pad
from valence_training.text.samples import Sample, batches, mosi_samples, sst_samples
from valence_training.text.wordpiece import WordPiece

LIMIT = 128  # pieces with [CLS] and [SEP]; no training text is longer


@dataclass(frozen=True, slots=True)
class Stage:
    """One corpus to train on: rates are peaks, reached after 10 % of the steps and left linearly for 0."""

    name: str
    epochs: int
    head_rate: float
    layer_rate: float


@dataclass(frozen=True, slots=True)
class Config:
    """All that a run depends on besides the data."""

    seed: int = 0
    stages: tuple[Stage, ...] = (Stage("sst", 2, 1e-3, 7e-5), Stage("mosi", 3, 2e-4, 5e-5))
    tuned: int = 4
    dropout: float = 0.1
    batch: int = 32
    decay: float = 0.01
    clip: float = 1.0
    phrases: int = 13_000
    max_words: int = 20

    def directory(self) -> Path:
        """Return the directory of the run's state, named by its configuration."""
        digest = hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()
        return cache_dir("text", f"seed-{self.seed}-{digest[:12]}")


@dataclass(slots=True)
class State:
    """Where a run is: epochs done in all, the weights and optimiser there, the best weights so far."""

    done: int = 0
    weights: dict[str, Tensor] = field(default_factory=dict)
    optimizer: dict[str, Any] = field(default_factory=dict)
    best: dict[str, Tensor] = field(default_factory=dict)
    best_mae: float = float("inf")
    history: list[str] = field(default_factory=list)

    def save(self, path: Path) -> None:
        """Write the state in one step: a reader sees the old or the new file, never half of one."""
        part = path.with_suffix(".part")
        torch.save({name: getattr(self, name) for name in self.__slots__}, part)
        part.replace(path)

    @classmethod
    def load(cls, path: Path) -> "State":
        """Return the state in the file, or that of a run not yet begun."""
        return cls(**torch.load(path, weights_only=True)) if path.exists() else cls()


def pretrained() -> Path:
    """Return the directory with bge-small's model.onnx and tokenizer.json, fetched if it is not in the cache."""
    out = subprocess.run([REPO / "scripts" / "fetch-bge.sh"], check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603
    return Path(out.stdout.splitlines()[-1])


def make(config: Config) -> Regressor:
    """Return the pretrained encoder with a new head, made from the seed."""
    torch.manual_seed(config.seed)
    model = Regressor(Bert(tuned=config.tuned, dropout=config.dropout))
    load_onnx(model.bert, pretrained() / "model.onnx")
    return model


@torch.no_grad()
def predict(model: Regressor, encoded: list[list[int]]) -> np.ndarray:
    """Return the scores [N] of texts, in their order."""
    model.eval()
    out = np.zeros(len(encoded), np.float32)
    for group in batches([len(ids) for ids in encoded], 32, None):
        out[group] = model(*pad([encoded[i] for i in group])).numpy()
    return out


def evaluate(model: Regressor, wordpiece: WordPiece, split: mosi.Split) -> Metrics:
    """Return the metrics of the model on a split of MOSI."""
    rows = mosi_samples(split)
    encoded = [wordpiece.ids(row.forms[0], LIMIT) for row in rows]
    return metrics(predict(model, encoded), np.array([row.score for row in rows]))


def schedule(steps: int) -> list[float]:
    """Return the factor on the rates by step: a tenth of the way up to 1, then linearly down to 0."""
    warm = max(1, steps // 10)
    return [min((i + 1) / warm, (steps - i) / max(1, steps - warm)) for i in range(steps)]


class Run:
    """A fine-tuning run: its model, its state and the steps that move it on."""

    def __init__(self, config: Config, model: Regressor, wordpiece: WordPiece, directory: Path) -> None:
        self.config, self.model, self.wordpiece = config, model, wordpiece
        self.file = directory / "state.pt"
        self.state = State.load(self.file)

    def stage(self, stage: Stage, first: int, samples: list[Sample], validate: Callable[[], Metrics]) -> None:
        """Train on the samples, from the epoch where the state is; `first` is the number of epochs before the stage.

        A stage whose last epoch is done is left alone. The best epoch is sought in the last stage only.
        """
        if self.state.done >= first + stage.epochs:
            return
        steps = -(-len(samples) // self.config.batch)
        factors = schedule(steps * stage.epochs)
        optimizer = self._optimizer(stage)
        done = self.state.done - first
        if self.state.done:
            self.model.load_tuned(self.state.weights)
        if done:
            optimizer.load_state_dict(self.state.optimizer)
        progress = Progress(f"seed {self.config.seed} {stage.name}", steps * (stage.epochs - done))
        for epoch in range(done, stage.epochs):
            self._epoch(first + epoch, samples, optimizer, factors[epoch * steps :], progress)
            result = validate()
            self.state.done = first + epoch + 1
            self.state.weights = self.model.tuned_state()
            self.state.optimizer = optimizer.state_dict()
            self.state.history.append(f"{stage.name} epoch {epoch + 1}: validation {result}")
            print(self.state.history[-1], file=sys.stderr, flush=True)
            if stage is self.config.stages[-1] and result.mae < self.state.best_mae:
                self.state.best_mae, self.state.best = result.mae, self.state.weights
            self.state.save(self.file)

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
        number: int,
        samples: list[Sample],
        optimizer: torch.optim.Optimizer,
        factors: list[float],
        progress: Progress,
    ) -> None:
        """Pass once over the samples; its randomness depends on seed and number alone, so it can be repeated."""
        rng = random.Random(f"{self.config.seed}/{number}")  # noqa: S311
        torch.manual_seed(rng.getrandbits(32))
        encoded = [self.wordpiece.ids(rng.choice(sample.forms), LIMIT) for sample in samples]
        self.model.train()
        for group, factor in zip(batches([len(i) for i in encoded], self.config.batch, rng), factors, strict=False):
            for parameters in optimizer.param_groups:
                parameters["lr"] = parameters["peak"] * factor
            target = torch.tensor([samples[j].score for j in group])
            loss = (self.model(*pad([encoded[j] for j in group])) - target).abs().mean()
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip)
            optimizer.step()
            progress.step(note=f"loss {loss.item():.3f}")


def finetune(config: Config) -> State:
    """Run, or finish, the run of a configuration and return its final state."""
    wordpiece = WordPiece(pretrained() / "tokenizer.json")
    run = Run(config, make(config), wordpiece, config.directory())
    first = 0
    for stage in config.stages:
        samples = (
            sst_samples(config.seed, config.phrases, config.max_words) if stage.name == "sst" else mosi_samples("train")
        )
        run.stage(stage, first, samples, lambda: evaluate(run.model, wordpiece, "valid"))
        first += stage.epochs
    return run.state


def main() -> None:
    """Fine-tune with the given seed and say what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    config = Config(seed=args.seed)
    state = finetune(config)
    print(*state.history, sep="\n")
    print(config.directory())


if __name__ == "__main__":
    main()
