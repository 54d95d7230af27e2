"""Fine-tunes bge-small on sentiment: reviews, talk, then several times MOSI, whose validation split picks the model.

    python -m valence_training.text.finetune

The recipe and why: film reviews (SST) bring what 1,284 MOSI segments cannot, and EmoBank all other talk. A stage
of talk after that of the reviews reads EmoBank best and MOSI worse, so MOSI begins between the two; some of both stays
in the MOSI stage, so that it is not unlearnt. Only the top layers are tuned; the loss is L1, because MAE is what is
measured. The members differ in the order and the dropout of the MOSI stage; the average of their weights is a candidate
beside them. MOSI's test split is never read here.

A run is a function of its configuration. Its state is written after every epoch: a run that was stopped goes on where
it was, to the same result.
"""

import argparse
import hashlib
import json
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from valence_training.data import emobank, mosi
from valence_training.metrics import Metrics, metrics
from valence_training.paths import REPO, cache_dir
from valence_training.progress import Progress
from valence_training.text.bert import Bert, load_onnx
from valence_training.text.regressor import Regressor
from valence_training.text.samples import Corpora, Draw, Mixture, batches
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

    seed: int = 0
    repeat: int = 0  # of the MOSI stage, each with other seeds, from the same start
    general: Stage = Stage("general", 2, 1e-3, 7e-5, 6, Mixture(sentences=6_000, phrases=10_000, emobank=4_000))
    talk: Stage = Stage("talk", 1, 2e-4, 7e-5, 6, Mixture(phrases=1_500, emobank=8_000, max_words=40))
    talk_share: float = 2 / 3  # of the way from the general stage's weights to those of the talk stage
    mosi: Stage = Stage("mosi", 4, 5e-4, 1.2e-4, 4, Mixture(phrases=300, emobank=600))
    members: int = 3
    tuned: int = 6
    dropout: float = 0.1
    batch: int = 32
    decay: float = 0.01
    clip: float = 1.0
    bfloat16: bool = True  # products in half the bits: 1.8 times as fast where the processor has AVX512-BF16

    def directory(self) -> Path:
        """Return the directory of the run's state, named by its configuration."""
        return cache_dir("text", _digest(asdict(self)))

    def shared(self, stage: Stage) -> Path:
        """Return the file of a stage before MOSI's, which runs that differ in later stages alone share."""
        later = ("repeat", "members", "mosi", "talk_share", "talk")[: 4 if stage == self.talk else 5]
        earlier = {name: value for name, value in asdict(self).items() if name not in later}
        return cache_dir("text") / f"{stage.name}-{_digest(earlier)}.pt"


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
        out[group] = model.read([encoded[i] for i in group]).numpy()
    return out


def evaluate(model: Regressor, wordpiece: WordPiece, rows: list[mosi.Segment]) -> Metrics:
    """Return the metrics of the model on segments of MOSI."""
    return metrics(predict(model, [wordpiece.ids(row.text, LIMIT) for row in rows]), np.array([r.score for r in rows]))


def talk(model: Regressor, wordpiece: WordPiece) -> float:
    """Return the correlation with the valence of EmoBank's dev split: how well it reads what is no film review."""
    rows = emobank.sentences("dev")
    predicted = predict(model, [wordpiece.ids(row.text, LIMIT) for row in rows])
    return metrics(predicted, np.array([row.valence for row in rows])).r


def schedule(steps: int) -> list[float]:
    """Return the factor on the rates by step: a tenth of the way up to 1, then linearly down to 0."""
    warm = max(1, steps // 10)
    return [min((i + 1) / warm, (steps - i) / max(1, steps - warm)) for i in range(steps)]


def average(members: list[Weights]) -> Weights:
    """Return the mean of models that were tuned from the same start (Wortsman et al. 2022, a uniform soup)."""
    return {name: torch.stack([weights[name] for weights in members]).mean(0) for name in members[0]}


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
            with torch.autocast("cpu", torch.bfloat16, enabled=self.config.bfloat16):
                predicted = self.model.read([encoded[j] for j in group])
            loss = (predicted.float() - target).abs().mean()
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip)
            optimizer.step()
            progress.step(note=f"loss {loss.item():.3f}")


def before_mosi(trainer: Trainer, corpora: Corpora) -> State:
    """Run, or finish, the stages that meet no MOSI and return a point between their weights; MOSI only watches.

    Between a model and what it became by more training lie models that keep most of what each of them knows (Wortsman
    et al. 2022, Robust fine-tuning of zero-shot models).
    """
    config, model, valid = trainer.config, trainer.model, mosi.segments("valid")
    states = []
    for stage in (stage for stage in (config.general, config.talk) if stage.epochs):
        draw, file = corpora.draw(stage.mixture, []), config.shared(stage)
        states.append(trainer.run(stage, config.seed, draw, lambda: evaluate(model, trainer.wordpiece, valid), file))
        model.load_tuned(states[-1].weights)
    first, last = states[0].weights, states[-1].weights
    weights = {name: torch.lerp(first[name], last[name], config.talk_share) for name in first}
    return State(weights=weights, history=[line for state in states for line in state.history])


def finetune(config: Config) -> Path:
    """Run, or finish, the run of a configuration and return the file with the chosen State."""
    directory = config.directory()
    if (directory / "chosen.pt").exists():
        return directory / "chosen.pt"
    wordpiece = WordPiece(pretrained() / "tokenizer.json")
    model = make(config)
    train, valid = mosi.segments("train"), mosi.segments("valid")

    def validate() -> Metrics:
        return evaluate(model, wordpiece, valid)

    trainer = Trainer(config, model, wordpiece)
    corpora = Corpora()
    start = before_mosi(trainer, corpora)
    members = []
    draw = corpora.draw(config.mosi.mixture, train)
    first = config.seed + 1 + config.repeat * config.members
    for seed in range(first, first + config.members):
        model.load_tuned(start.weights)
        members.append(trainer.run(config.mosi, seed, draw, validate, directory / f"mosi-{seed}.pt"))

    mean = average([member.best for member in members])
    model.load_tuned(mean)
    result = validate()
    line = f"average of {len(members)} members: validation {result}"
    print(line, file=sys.stderr, flush=True)
    chosen = min([State(best=mean, best_mae=result.mae), *members], key=lambda state: state.best_mae)
    model.load_tuned(chosen.best)
    history = [line for state in (start, *members) for line in state.history]
    history += [line, f"chosen: MOSI validation MAE {chosen.best_mae:.3f}, EmoBank dev r {talk(model, wordpiece):.3f}"]
    print(history[-1], file=sys.stderr, flush=True)
    State(best=chosen.best, best_mae=chosen.best_mae, history=history).save(directory / "chosen.pt")
    return directory / "chosen.pt"


def main() -> None:
    """Fine-tune and say where the chosen weights are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    print(finetune(Config(seed=args.seed)))


if __name__ == "__main__":
    main()
