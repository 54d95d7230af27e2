"""Batches of voices for the audio net: clips with their labels, marred so that none is met twice."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from valence_training.audio.encoder import EMOTIONS, SPOKEN
from valence_training.data.emotions import polarity
from valence_training.data.features import Floats
from valence_training.fusion.material import Voice

LONGEST, LEAST, SHIFT = 28, 5, 4
"""Of a window in training: most steps, fewest steps of speech, most steps of silence in front."""

HISTORY = 5
"""Clips of another history."""

Random = np.random.Generator


class Batch(NamedTuple):
    """Windows and what is true of them.

    x f32 [B, L, width], mask [B, L]; emotion [B, 9] and polarity [B, 3] are 1 for what is true and else 0; surprise has
    no polarity, and NaN in score [B]; spoken [B, 9] are the emotions that the corpus has; weight [B, 2] is how much the
    emotion and the polarity count.
    """

    x: Tensor
    mask: Tensor
    emotion: Tensor
    polarity: Tensor
    score: Tensor
    spoken: Tensor
    weight: Tensor


@dataclass(frozen=True)
class Marring:
    """How windows are varied: a span of steps is masked, at most `longest`, and the track had another history.

    `history` is how far the running normalisation may have stood elsewhere, as a share of what a few other clips of
    the track would have moved it.
    """

    longest: int = 6
    history: float = 0.5


class VoiceBatches:
    """Draws batches from voices; each clip comes once an epoch, in any of its variants."""

    def __init__(self, voices: Sequence[Voice], marring: Marring) -> None:
        self.marring = marring
        weight = weights(voices)
        self.variants: dict[str, list[tuple[str, Window]]] = defaultdict(list)
        self.means: dict[str, list[Floats]] = defaultdict(list)
        for voice in voices:
            window = window_of(voice, weight[voice.clip.id])
            self.variants[voice.clip.id].append((voice.track, window))
            self.means[voice.track].append(window.values[window.usable].mean(axis=0))
        self.ids = sorted(self.variants)

    def epoch(self, batch: int, random: Random) -> Iterator[Batch]:
        """All clips in a random order, the last incomplete batch left out."""
        order = random.permutation(len(self.ids))
        for start in range(0, len(order) - batch + 1, batch):
            chosen = (self.variants[self.ids[i]] for i in order[start : start + batch])
            yield collate([self._marred(*variants[random.integers(len(variants))], random) for variants in chosen])

    def _marred(self, track: str, window: Window, random: Random) -> Window:
        means = self.means[track]
        values, usable = window.values[-LONGEST:], window.usable[-LONGEST:].copy()
        elsewhere = np.mean([means[i] for i in random.integers(len(means), size=HISTORY)], axis=0)
        values = values + np.float32(self.marring.history * random.uniform(-1.0, 1.0)) * elsewhere
        length = int(random.integers(self.marring.longest + 1))
        begin = int(random.integers(max(1, len(usable) - length)))
        if usable.sum() - usable[begin : begin + length].sum() >= LEAST:
            usable[begin : begin + length] = False
        before = int(random.integers(SHIFT + 1))
        usable = np.pad(usable, (before, 0))
        return window._replace(values=np.pad(values, ((before, 0), (0, 0))), usable=usable)


def weights(voices: Sequence[Voice]) -> dict[str, tuple[float, float]]:
    """How much the emotion and the polarity of each clip count, by its id.

    The emotions of a corpus weigh the same, and its polarities; the mean over a corpus is 1.
    """
    found = {}
    for corpus in {v.clip.corpus for v in voices}:
        own = [v for v in voices if v.clip.corpus == corpus]
        by_emotion = _balance([v.clip.emotion for v in own])
        by_polarity = _balance([polarity(v.piece.score) if np.isfinite(v.piece.score) else None for v in own])
        for voice, *pair in zip(own, by_emotion, by_polarity, strict=True):
            found[voice.clip.id] = (pair[0], pair[1])
    return found


def _balance(labels: Sequence[Hashable]) -> list[float]:
    """A weight for each label, the same sum for every kind of them; 0 for None."""
    counts = Counter(label for label in labels if label is not None)
    total = counts.total() / max(1, len(counts))
    return [0.0 if label is None else total / counts[label] for label in labels]


class Window(NamedTuple):
    """One window: values [L, width], usable [L], labels as in Batch, corpus."""

    values: Floats
    usable: NDArray[np.bool_]
    emotion: Floats
    polarity: Floats
    score: float
    corpus: str
    weight: Floats


def window_of(voice: Voice, weight: Sequence[float] = (1.0, 1.0)) -> Window:
    """A clip from its first to its last usable step, with its own labels."""
    heard = np.flatnonzero(voice.piece.usable)
    inside = slice(heard[0], heard[-1] + 1)
    emotion, sign = np.zeros(len(EMOTIONS), np.float32), np.zeros(3, np.float32)
    emotion[EMOTIONS.index(voice.clip.emotion)] = 1.0
    if np.isfinite(voice.piece.score):
        sign[polarity(voice.piece.score)] = 1.0
    values, usable = voice.piece.values[inside], voice.piece.usable[inside]
    return Window(values, usable, emotion, sign, voice.piece.score, voice.clip.corpus, np.array(weight, np.float32))


def collate(windows: Sequence[Window]) -> Batch:
    """Pad to the longest."""
    longest = max(len(window.usable) for window in windows)
    x = np.zeros((len(windows), longest, windows[0].values.shape[1]), np.float32)
    mask = np.zeros((len(windows), longest), np.float32)
    for i, window in enumerate(windows):
        x[i, : len(window.usable)] = window.values
        mask[i, : len(window.usable)] = window.usable
    return Batch(
        torch.from_numpy(x),
        torch.from_numpy(mask),
        torch.from_numpy(np.stack([window.emotion for window in windows])),
        torch.from_numpy(np.stack([window.polarity for window in windows])),
        torch.tensor([window.score for window in windows], dtype=torch.float32),
        torch.stack([SPOKEN[window.corpus] for window in windows]),
        torch.from_numpy(np.stack([window.weight for window in windows])),
    )
