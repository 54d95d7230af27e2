"""What windows are made of: labelled stretches of the three streams, by split, from the feature files."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from valence_training.audio import prepare
from valence_training.data import emodb, emotions, fer, mosi, ravdess
from valence_training.data.clips import Clip
from valence_training.data.emotions import polarity
from valence_training.data.features import Features, Floats
from valence_training.extract import clip_id, face_id


class Before(NamedTuple):
    """What was said before a stretch: the mean word [D] by time, its seconds of speech, and its own sentiment."""

    values: Floats
    seconds: float
    score: float


class Piece(NamedTuple):
    """A stretch of one stream: vectors [L, D], usable [L], and its own sentiment on the MOSI scale.

    Of words also the seconds that each stands for [L], and what was said before; None where nothing was.
    """

    values: Floats
    usable: NDArray[np.bool_]
    score: float
    seconds: Floats | None = None
    before: Before | None = None


@dataclass(frozen=True)
class Video:
    """One MOSI video: all tokens in order of time, with the times of their words, and the labelled segments.

    `segment` [N] is the index of each token's segment in `spans` [S, 2] (seconds) and `scores` [S].
    """

    name: str
    tokens: Floats
    times: NDArray[np.float64]
    segment: NDArray[np.int64]
    spans: NDArray[np.float64]
    scores: NDArray[np.float64]


@dataclass(frozen=True)
class Voice:
    """One prepared clip of one speaker, as the extractor saw it inside that speaker's track."""

    speaker: str
    track: str
    clip: Clip
    variant: int
    piece: Piece


@dataclass(frozen=True)
class Faces:
    """Single faces: vectors [N, D], emotion index [N], score [N] (NaN for surprise)."""

    values: Floats
    emotion: NDArray[np.int64]
    scores: NDArray[np.float64]

    @cached_property
    def by_polarity(self) -> tuple[NDArray[np.int64], ...]:
        """Indices of the faces of each polarity."""
        known = [(i, polarity(score)) for i, score in enumerate(self.scores) if np.isfinite(score)]
        return tuple(np.array([i for i, p in known if p == wanted]) for wanted in range(3))


def videos(features: Features, split: mosi.Split) -> list[Video]:
    """The MOSI videos of a split, in the order of the file."""
    by_video: dict[str, list[mosi.Segment]] = {}
    for segment in mosi.segments(split):
        if segment.id in features.items:
            by_video.setdefault(segment.video, []).append(segment)
    found = []
    for name, segments in by_video.items():
        segments.sort(key=lambda s: s.start)
        items = [features.items[s.id] for s in segments]
        found.append(
            Video(
                name=name,
                tokens=np.concatenate([item.values for item in items]),
                times=np.concatenate([np.stack([item.start, item.end], axis=1) for item in items]),
                segment=np.concatenate([np.full(len(item), i) for i, item in enumerate(items)]),
                spans=np.array([[s.start, s.end] for s in segments]),
                scores=np.array([s.score for s in segments]),
            )
        )
    return found


def voices(features: Features) -> list[Voice]:
    """All prepared clips with a sentiment or with surprise (score NaN), each variant on its own."""
    found = []
    for clip in (*ravdess.clips(), *emodb.clips()):
        for variant in range(prepare.VARIANTS):
            item = features.items.get(clip_id(clip, variant))
            if item is None or not item.usable.any():
                continue
            score = float("nan") if clip.score is None else clip.score
            piece = Piece(item.values, item.usable, score)
            found.append(Voice(clip.speaker, item.track, clip, variant, piece))
    return found


def faces(features: Features, split: mosi.Split, labels: fer.Faces) -> Faces:
    """The faces of a split; `labels` are those that the manifest was written from."""
    kept, rows = [], []
    for i in range(len(labels)):
        item = features.items.get(face_id(split, i))
        if item is not None and item.usable[0]:
            kept.append(i)
            rows.append(item.values[0])
    emotion = labels.emotion[np.array(kept)]
    return Faces(np.stack(rows), emotion, np.array([face_score(index) for index in emotion]))


_FER_EMOTION = {"fear": "fearful", "surprise": "surprised"}


def face_score(emotion: int) -> float:
    """Sentiment of an emotion of FER2013; NaN for surprise."""
    name = fer.EMOTIONS[emotion]
    return emotions.SCORE.get(_FER_EMOTION.get(name, name), float("nan"))
