"""Train the fusion net on cached features.

First each stream alone, then all together, from the second joint epoch on with momentum distillation: the teacher sees
the complete window while the net sees it with streams or steps missing.

Deterministic by seed, and resumable at every epoch: what an epoch draws depends on the seed and its number alone, and
the checkpoint holds the net, the teacher, the queues and the optimiser's state. The teacher, a running average of the
trained weights, is what is validated and shipped, at the epoch of the lowest validation error (see `Valid`).
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from valence_training.audio.start import load_audio_start
from valence_training.fusion import heldout, shares
from valence_training.fusion.material import Faces, Piece, Video, Voice
from valence_training.fusion.model import FusionConfig, FusionNet
from valence_training.fusion.pairing import (
    ALL,
    AUDIO,
    TEXT,
    VIDEO,
    Example,
    Views,
    collate,
    complete,
    draw_pattern,
    pair,
    shown,
    thinned,
)
from valence_training.fusion.reading import CONTEXT, PRIOR, SHARE, Line
from valence_training.fusion.scoring import score, torch_run, uar
from valence_training.fusion.teaching import PolarityUses, Teaching, alpha_after
from valence_training.fusion.windows import FaceWindows, VoiceWindows, random_text, utterance
from valence_training.progress import Progress

THIN_RATE = (0.1, 0.6)
SEGMENT = 4.0
"""Seconds of a usual segment."""
WARM_SHARES = (0.1, 0.5, 0.4)
WARM_SHARES_HELD = (0.3, 0.0, 0.7)
"""Of text, voice and face in the warm-up; and those of a net whose voice is held, and so has nothing to learn."""


@dataclass(frozen=True)
class TrainConfig:
    """How to train; the defaults are those of the shipped model.

    `momentum` switches momentum distillation; the three switches after it are where polarity enters it: the targets of
    the contrastive loss, whether a teacher of the wrong polarity is listened to, and distilling its polarity head.
    """

    seed: int = 1
    warm_epochs: int = 8
    epochs: int = 8
    batch: int = 32
    rate: float = 1e-3
    decay: float = 0.01
    average: float = 0.995
    agreement: float = 0.4
    reading: float = 0.97
    momentum: bool = True
    polarity_targets: bool = True
    polarity_filter: bool = True
    polarity_head: bool = True


@dataclass(frozen=True)
class Material:
    """Labelled material of one split."""

    videos: list[Video]
    voices: list[Voice]
    faces: Faces


@dataclass(frozen=True)
class Valid:
    """Errors on the validation people through the fused score: MAE, and UAR in percent.

    Each stream alone, and texts paired with voices and faces as in training (`paired_mae`, against the text's label).
    """

    text_mae: float
    paired_mae: float
    audio_mae: float
    video_mae: float
    audio_uar: float
    video_uar: float

    @property
    def choice(self) -> float:
        """What chooses the checkpoint: the MAE against the text's labels, and a tenth of those of voice and face alone.

        The text's labels are real scores; the others' are emotions put on the same scale by a table. The pairs are in
        it because after one epoch of them a net still listens to a stranger's voice as much as to the words.
        """
        return (self.text_mae + self.paired_mae) / 2 + 0.1 * (self.audio_mae + self.video_mae)

    def line(self) -> str:
        """One line for a log."""
        return (
            f"valid text {self.text_mae:.3f}  paired {self.paired_mae:.3f}  "
            f"audio {self.audio_mae:.3f} {self.audio_uar:.1f} %  video {self.video_mae:.3f} {self.video_uar:.1f} %"
        )


class Trainer:
    """Training state and the material it draws from.

    `start` is a trained audio net, whose voice is held; `line` is the head of the encoder that made the word vectors.
    """

    def __init__(
        self,
        config: TrainConfig,
        train: Material,
        valid: Material,
        net: FusionConfig | None = None,
        start: Path | None = None,
        line: Line | None = None,
    ) -> None:
        torch.manual_seed(config.seed)
        self.config, self.train, self.valid = config, train, valid
        self.voices, self.faces = VoiceWindows(train.voices), FaceWindows(train.faces)
        self.net = FusionNet(net)
        self.segments = [(v, i) for v in train.videos for i in range(len(v.scores))]
        self._fit_features()
        self._fit_direction()
        if line is not None and self.net.reading is not None:
            self.net.reading.follow(line)
        self.warm_shares = WARM_SHARES if start is None else WARM_SHARES_HELD
        if start is not None:
            load_audio_start(self.net, start)
        uses = PolarityUses(config.polarity_targets, config.polarity_filter, config.polarity_head)
        self.teaching = Teaching(self.net, config.average, uses)
        self.average = self.teaching.teacher.net.net
        self.weights = [weight for weight in self.teaching.student.parameters() if weight.requires_grad]
        self.optimiser = torch.optim.AdamW(self.weights, lr=config.rate, weight_decay=config.decay)
        self.epoch = 0
        self.steps = 0
        self.best: tuple[float, dict[str, Any]] | None = None
        self.class_weight = self._class_weight()
        texts = heldout.texts(valid.videos)
        self._held_out = (
            texts,
            self._paired(texts),
            heldout.speech([v for v in valid.voices if v.variant == 0 and np.isfinite(v.piece.score)]),
            heldout.single_faces(valid.faces),
        )

    @property
    def total_epochs(self) -> int:
        """Each stream alone, then all together."""
        return self.config.warm_epochs + self.config.epochs

    def run(self, checkpoint: Path) -> FusionNet:
        """Train to the end, resuming from `checkpoint` where it exists; return the chosen averaged net."""
        if checkpoint.exists():
            self._restore(checkpoint)
        steps = 2 * len(self.segments) // self.config.batch
        progress = Progress("fusion", (self.total_epochs - self.epoch) * steps)
        while self.epoch < self.total_epochs:
            for batch in self._batches(steps):
                self._step(batch, steps)
                progress.step()
            self.epoch += 1
            if self.epoch > self.config.warm_epochs:
                found = self.validate()
                if self.best is None or found.choice < self.best[0]:
                    self.best = (found.choice, copy.deepcopy(self.average.state_dict()))
                print(f"epoch {self.epoch}  {found.line()}  best {self.best[0]:.3f}", file=sys.stderr, flush=True)
            self._save(checkpoint)
        assert self.best is not None  # noqa: S101 at least one epoch was validated
        self.average.load_state_dict(self.best[1])
        # One more epoch of training windows, to look at.
        shares.fit(self.average, (batch.shown.inputs for batch in self._batches(steps)))
        return self.average.eval()

    def run_warm_up(self) -> FusionNet:
        """Train the warm-up epochs alone, without a checkpoint or a choice; return the averaged net."""
        steps = 2 * len(self.segments) // self.config.batch
        progress = Progress("warm-up", self.config.warm_epochs * steps)
        while self.epoch < self.config.warm_epochs:
            for batch in self._batches(steps):
                self._step(batch, steps)
                progress.step()
            self.epoch += 1
        return self.average.eval()

    def validate(self) -> Valid:
        """Score the validation people with the averaged weights."""
        run = torch_run(self.average)
        text, paired, audio, video = (score(run, examples, 128, self.net.config.shapes) for examples in self._held_out)
        return Valid(
            text_mae=text.mae,
            paired_mae=paired.mae,
            audio_mae=audio.mae,
            video_mae=video.mae,
            audio_uar=uar(audio.polarity, audio.truth),
            video_uar=uar(video.polarity, video.truth),
        )

    def _paired(self, texts: list[Example]) -> list[Example]:
        random = np.random.default_rng(self.config.seed)
        voices, faces = VoiceWindows(self.valid.voices), FaceWindows(self.valid.faces)
        pieces = [example.pieces[TEXT] for example in texts]
        return [pair(piece, voices, faces, ALL, random, self.config.agreement) for piece in pieces if piece is not None]

    def _batches(self, steps: int) -> Iterator[Views]:
        """The batches of the current epoch; the same for the same seed and epoch."""
        random = np.random.default_rng([self.config.seed, self.epoch])
        torch.manual_seed(self.config.seed * 1000 + self.epoch)
        warm = self.epoch < self.config.warm_epochs
        texts = [] if warm else self._texts(random)
        shapes = self.net.config.shapes
        for step in range(steps):
            if warm:
                yield Views(collate(self._alone(random), shapes))
                continue
            chunk = texts[step * self.config.batch : (step + 1) * self.config.batch]
            pairs = [self._example(text, random) for text in chunk]
            yield Views(*(collate(examples, shapes) for examples in zip(*pairs, strict=True)))

    def _texts(self, random: np.random.Generator) -> list[Piece]:
        """Every segment once whole and once as some live window of its video, shuffled."""
        whole = [utterance(v, i) for v, i in self.segments]
        live = [random_text(v, random) for v, _ in self.segments]
        texts = whole + live
        return [self._misread(texts[i], random) for i in random.permutation(len(texts))]

    def _example(self, text: Piece, random: np.random.Generator) -> tuple[Example, Example]:
        """An example as it is shown, and complete."""
        pattern, drop_steps = draw_pattern(random)
        whole = complete(text, self.voices, self.faces, pattern, random, self.config.agreement)
        seen = shown(whole, pattern)
        return thinned(seen, random.uniform(*THIN_RATE), random) if drop_steps else seen, whole

    def _alone(self, random: np.random.Generator) -> list[Example]:
        """Warm-up: a batch of one stream alone."""
        stream = int(random.choice(3, p=self.warm_shares))
        return [heldout.alone(self._piece(stream, random), stream) for _ in range(self.config.batch)]

    def _piece(self, stream: int, random: np.random.Generator) -> Piece:
        if stream == AUDIO:
            return self.voices.draw(None, random)
        if stream == VIDEO:
            return self.faces.draw(None, random)
        video, segment = self.segments[random.integers(len(self.segments))]
        whole = random.random() < 0.5
        return self._misread(utterance(video, segment) if whole else random_text(video, random), random)

    def _misread(self, text: Piece, random: np.random.Generator) -> Piece:
        """Move a text's vectors as if the encoder had not met it.

        It was fine-tuned on these very texts, so it reads them better than any other, and a net that learned from that
        would trust the text too much: its intervals would be too narrow, voice and face would count for nothing. The
        vectors move along the direction in which they follow the score, to where a calibrated reading of correlation
        `reading` with the truth would lie.
        """
        earlier = text.before
        if earlier is not None:
            segments = max(1.0, earlier.seconds / SEGMENT)
            earlier = earlier._replace(values=earlier.values + self._away(earlier.score, segments, random))
        return text._replace(values=text.values + self._away(text.score, 1.0, random), before=earlier)

    def _away(self, truth: float, segments: float, random: np.random.Generator) -> NDArray[np.float32]:
        """How far the mean vector of some segments that mean `truth` is moved: their errors are independent."""
        kept = self.config.reading**2
        chance = np.sqrt(kept * (1 - kept) / segments) * self.score_spread * random.standard_normal()
        moved: NDArray[np.float32] = np.float32((kept - 1) * (truth - self.usual_score) + chance) * self.score_direction
        return moved

    def _fit_direction(self) -> None:
        """How token vectors follow the score: their mean change per unit of it, over the training segments."""
        rows = np.stack([v.tokens[v.segment == i].mean(axis=0) for v, i in self.segments])
        scores = np.array([v.scores[i] for v, i in self.segments])
        self.usual_score, self.score_spread = float(scores.mean()), float(scores.std())
        centred = (scores - self.usual_score) / self.score_spread**2 / len(scores)
        self.score_direction = (centred @ (rows - rows.mean(axis=0))).astype(np.float32)

    def _step(self, batch: Views, steps_per_epoch: int) -> None:
        self.teaching.student.train()
        for group in self.optimiser.param_groups:
            group["lr"] = self._rate(steps_per_epoch)
        value = self.teaching.loss(batch, self.class_weight, self._alpha(steps_per_epoch))
        self.optimiser.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(self.weights, 1.0)
        self.optimiser.step()
        self.steps += 1
        self.teaching.teacher.follow(self.teaching.student, self.steps)

    def _alpha(self, steps_per_epoch: int) -> float | None:
        joint = self.steps / steps_per_epoch - self.config.warm_epochs
        return alpha_after(joint) if self.config.momentum else None

    def _rate(self, steps_per_epoch: int) -> float:
        """Linear rise over 200 steps, then a half cosine to zero."""
        total = self.total_epochs * steps_per_epoch
        rise = min(1.0, (self.steps + 1) / 200)
        return self.config.rate * rise * 0.5 * (1 + float(np.cos(np.pi * min(1.0, self.steps / total))))

    def _fit_features(self) -> None:
        parts = (
            np.concatenate([v.tokens for v in self.train.videos]),
            np.concatenate([v.piece.values[v.piece.usable] for v in self.train.voices]),
            self.train.faces.values,
        )
        for encoder, rows in zip(self.net.encoders, parts, strict=True):
            encoder.fit(torch.from_numpy(rows))  # type: ignore[operator]

    def _class_weight(self) -> Tensor:
        """The weight of each polarity in each stream [3, 3].

        Of texts the inverse of its share, with mean 1. Voices and faces are drawn by polarity and need none.
        """
        scores = np.concatenate([v.scores for v in self.train.videos])
        counts = np.array([(scores < -0.5).sum(), (np.abs(scores) <= 0.5).sum(), (scores > 0.5).sum()])
        weight = counts.sum() / np.maximum(counts, 1)
        return torch.tensor(np.stack([weight / weight.mean(), np.ones(3), np.ones(3)]), dtype=torch.float32)

    def _settings(self) -> dict[str, Any]:
        return asdict(self.config) | {"net": asdict(self.net.config), "context": [CONTEXT, SHARE, PRIOR]}

    def _save(self, path: Path) -> None:
        state = {
            "config": self._settings(),
            "epoch": self.epoch,
            "steps": self.steps,
            "teaching": self.teaching.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "best": self.best,
        }
        part = path.with_suffix(".part")
        torch.save(state, part)
        part.replace(path)

    def _restore(self, path: Path) -> None:
        state = torch.load(path, weights_only=True)
        if state["config"] != self._settings():
            raise ValueError(f"{path}: made with other settings; remove it to train anew")
        self.epoch, self.steps, self.best = state["epoch"], state["steps"], state["best"]
        self.teaching.load_state_dict(state["teaching"])
        self.optimiser.load_state_dict(state["optimiser"])
