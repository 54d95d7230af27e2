"""Train the audio net on acted voices; the shipped start of the fusion's audio stream.

    python -m valence_training.audio.train [--seed 1]

Deterministic by seed, and resumable at every few epochs. There is no choice of a checkpoint: the running average of the
weights at the end of a cosine is the net.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from valence_training.audio import prepare
from valence_training.audio.encoder import SPOKEN, AudioNet, Heard
from valence_training.audio.windows import Batch, Marring, VoiceBatches
from valence_training.data import splits
from valence_training.data.features import Features
from valence_training.extract import audio_features, terms
from valence_training.fusion import material
from valence_training.fusion.layers import MASKED
from valence_training.fusion.material import Voice
from valence_training.paths import cache_dir
from valence_training.progress import Progress

SAVE_EVERY = 10


@dataclass(frozen=True)
class TrainConfig:
    """How to train; the defaults are those of the shipped start.

    The loss is CE of the emotion + `polarity` CE of the polarity + `score` L1 of the score. `smoothing` is that of the
    emotions.
    """

    seed: int = 1
    epochs: int = 40
    batch: int = 64
    rate: float = 2e-3
    decay: float = 0.05
    average: float = 0.995
    smoothing: float = 0.1
    polarity: float = 0.3
    score: float = 0.3
    marring: Marring = field(default_factory=Marring)


class Trainer:
    """The state of one run."""

    def __init__(self, config: TrainConfig, voices: Sequence[Voice]) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        self.batches = VoiceBatches(voices, config.marring)
        self.net = AudioNet()
        self.net.encoder.fit(torch.from_numpy(np.concatenate([v.piece.values[v.piece.usable] for v in voices])))
        self.net.known.copy_(torch.stack([SPOKEN[corpus] for corpus in {v.clip.corpus for v in voices}]).amax(dim=0))
        self.average = copy.deepcopy(self.net)
        self.optimiser = torch.optim.AdamW(self.net.parameters(), lr=config.rate, weight_decay=config.decay, fused=True)
        self.steps_per_epoch = len(self.batches.ids) // config.batch
        self.epoch = self.steps = 0

    def run(self, checkpoint: Path | None = None, name: str = "audio") -> AudioNet:
        """Train to the end, from `checkpoint` on where it exists; return the averaged net."""
        if checkpoint is not None and checkpoint.exists():
            self._restore(checkpoint)
        progress = Progress(name, max(1, self.config.epochs - self.epoch))
        while self.epoch < self.config.epochs:
            random = np.random.default_rng([self.config.seed, self.epoch])
            torch.manual_seed(self.config.seed * 1000 + self.epoch)
            for batch in self.batches.epoch(self.config.batch, random):
                note = self._step(batch)
            self.epoch += 1
            progress.step(note=f"loss {note:.3f}")
            if checkpoint is not None and (self.epoch % SAVE_EVERY == 0 or self.epoch == self.config.epochs):
                self._save(checkpoint)
        return self.average.eval()

    def _step(self, batch: Batch) -> float:
        self.net.train()
        for group in self.optimiser.param_groups:
            group["lr"] = self._rate()
        heard = self.net(batch.x, batch.mask)
        value = loss(heard, batch, self.config)
        self.optimiser.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimiser.step()
        self.steps += 1
        keep = min(self.config.average, (1 + self.steps) / (10 + self.steps))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.average.parameters()), list(self.net.parameters()), 1 - keep)
        return float(value.detach())

    def _rate(self) -> float:
        """Linear rise over 100 steps, then a half cosine to zero."""
        total = self.config.epochs * self.steps_per_epoch
        rise = min(1.0, (self.steps + 1) / 100)
        return self.config.rate * rise * 0.5 * (1 + float(np.cos(np.pi * min(1.0, self.steps / total))))

    def _save(self, path: Path) -> None:
        state = {
            "config": asdict(self.config),
            "epoch": self.epoch,
            "steps": self.steps,
            "net": self.net.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }
        part = path.with_suffix(".part")
        torch.save(state, part)
        part.replace(path)

    def _restore(self, path: Path) -> None:
        state = torch.load(path, weights_only=True)
        if state["config"] != asdict(self.config):
            raise ValueError(f"{path}: made with other settings; remove it to train anew")
        self.epoch, self.steps = state["epoch"], state["steps"]
        self.net.load_state_dict(state["net"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])


def loss(heard: Heard, batch: Batch, config: TrainConfig) -> Tensor:
    """What is minimised, see TrainConfig; emotions that a corpus lacks are not in its softmax."""
    smooth = config.smoothing
    wanted = (1 - smooth) * batch.emotion + smooth * batch.spoken / batch.spoken.sum(dim=1, keepdim=True)
    logits = heard.emotion + (batch.spoken - 1) * MASKED
    total = _cross_entropy(logits, wanted, batch.weight[:, 0])
    total = total + config.polarity * _cross_entropy(
        heard.polarity, batch.polarity, batch.weight[:, 1] * batch.polarity.sum(dim=1)
    )
    known = torch.isfinite(batch.score)
    if known.any():
        total = total + config.score * functional.l1_loss(heard.score[known], batch.score[known])
    return total


def _cross_entropy(logits: Tensor, wanted: Tensor, weight: Tensor) -> Tensor:
    each = -(wanted * torch.log_softmax(logits, dim=1)).sum(dim=1)
    return (weight * each).sum() / weight.sum().clamp(min=1e-6)


def run_folder(features: Features, config: TrainConfig) -> Path:
    """Where the runs of these features and settings keep their state; others never resume them."""
    made = f"{terms(features.contract_text, 'audio')} {prepare.VERSION} {prepare.VARIANTS} {asdict(config)}"
    return cache_dir("train", "audio", hashlib.sha256(made.encode()).hexdigest()[:12])


def start(features: Features, config: TrainConfig | None = None) -> Path:
    """Train on the training speakers of the shipped split, unless that was done; return what `start.py` loads."""
    config = config or TrainConfig()
    path = run_folder(features, config) / "start.pt"
    voices = [v for v in material.voices(features) if splits.of_speaker(v.clip) == "train"]
    Trainer(config, voices).run(path)
    return path


def main() -> None:
    """Train the start and say where it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=TrainConfig().seed)
    parser.add_argument("--jobs", type=int, default=1, help="cores for the extraction of features")
    args = parser.parse_args()
    torch.set_num_threads(1)
    print(start(audio_features(jobs=args.jobs), TrainConfig(seed=args.seed)), file=sys.stderr)


if __name__ == "__main__":
    main()
