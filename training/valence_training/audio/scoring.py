"""What an audio net answers to clips, and how often it is right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from valence_training.audio.encoder import EMOTIONS, AudioNet
from valence_training.audio.windows import collate, window_of
from valence_training.data.emotions import polarity
from valence_training.fusion.layers import MASKED
from valence_training.fusion.material import Voice
from valence_training.fusion.scoring import uar

BATCH = 128


@dataclass(frozen=True)
class Answer:
    """What the net says of one clip: the polarity, and the emotion among those of the corpus."""

    clip: str
    polarity: int
    emotion: str


def answers(net: AudioNet, voices: Sequence[Voice]) -> list[Answer]:
    """The most probable polarity and emotion of each clip alone."""
    net.eval()
    found = []
    with torch.inference_mode():
        for start in range(0, len(voices), BATCH):
            some = voices[start : start + BATCH]
            batch = collate([window_of(voice) for voice in some])
            heard = net(batch.x, batch.mask)
            emotion = (heard.emotion + (batch.spoken - 1) * MASKED).argmax(dim=1).tolist()
            for voice, p, e in zip(some, heard.polarity.argmax(dim=1).tolist(), emotion, strict=True):
                found.append(Answer(voice.clip.id, p, EMOTIONS[e]))
    return found


def figures(answered: Sequence[Answer], voices: dict[str, Voice]) -> dict[str, float]:
    """UAR in percent of the polarity (surprise left out) and of the emotion; `voices` by the id of their clip."""
    truth = [voices[answer.clip] for answer in answered]
    signed = [(a.polarity, polarity(v.piece.score)) for a, v in zip(answered, truth, strict=True) if _signed(v)]
    named = [(EMOTIONS.index(a.emotion), EMOTIONS.index(v.clip.emotion)) for a, v in zip(answered, truth, strict=True)]
    return {"polarity": _uar(signed), "emotion": _uar(named), "clips": len(answered)}


def _signed(voice: Voice) -> bool:
    return bool(np.isfinite(voice.piece.score))


def _uar(pairs: Sequence[tuple[int, int]]) -> float:
    guess, truth = np.array(pairs, np.int64).T
    return uar(guess, truth)
