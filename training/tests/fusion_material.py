"""Small made-up material for the tests of the fusion side."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from valence_training.data import fer
from valence_training.data.clips import Clip
from valence_training.fusion.material import Faces, Piece, Video, Voice, face_score
from valence_training.fusion.train import Material


def video(name: str = "v", segments: int = 4, seed: int = 0) -> Video:
    """Segments of 2 s, 1 s apart, four words each; segment i scores i - 1.5."""
    random = np.random.default_rng(seed)
    spans = np.array([[3.0 * i, 3.0 * i + 2.0] for i in range(segments)])
    word = np.repeat(np.arange(4), 1)
    times = np.concatenate([np.stack([s + word * 0.5, s + (word + 1) * 0.5], axis=1) for s, _ in spans])
    segment = np.repeat(np.arange(segments), 4)
    scores = np.arange(segments) - 1.5
    tokens = random.normal(size=(4 * segments, 384)).astype(np.float32) * 0.1
    tokens[:, 0] = scores[segment]
    return Video(name, tokens, times, segment, spans, scores)


def voice(speaker: str, emotion: str, index: int, steps: int = 25) -> Voice:
    """A clip whose first feature is its score."""
    random = np.random.default_rng(index)
    clip = Clip(f"{speaker}/{index}", Path("none.flac"), "ravdess", speaker, "01", emotion)
    score = float("nan") if clip.score is None else clip.score
    values = random.normal(size=(steps, 136)).astype(np.float32)
    values[:, 0] = 0.0 if clip.score is None else clip.score
    usable = np.ones(steps, bool)
    usable[:3] = False
    return Voice(speaker, f"{speaker}#0", clip, 0, Piece(values, usable, score))


def voices(speakers: int = 3) -> list[Voice]:
    """Each speaker says every emotion of three polarities and a surprise."""
    emotions = ("happy", "neutral", "sad", "angry", "surprised")
    return [voice(f"s{s}", e, 10 * s + i) for s in range(speakers) for i, e in enumerate(emotions)]


def faces(count: int = 70, seed: int = 0) -> Faces:
    """Faces whose first feature is their score."""
    emotion = np.arange(count) % len(fer.EMOTIONS)
    scores = np.array([face_score(int(e)) for e in emotion])
    values = np.random.default_rng(seed).normal(size=(count, 64)).astype(np.float32)
    values[:, 0] = np.nan_to_num(scores)
    return Faces(values, emotion.astype(np.int64), scores)


def material(videos: int = 3) -> Material:
    """All three."""
    return Material([video(f"v{i}", seed=i) for i in range(videos)], voices(), faces())
