"""What an audio net answers to clips, and how often it is right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from valence_training.audio.encoder import EMOTIONS, AudioNet, emotion_probabilities, signs_of
from valence_training.audio.windows import collate, window_of
from valence_training.data.emotions import polarity
from valence_training.fusion.material import Voice
from valence_training.fusion.scoring import uar

BATCH = 128

SOFTENED = 2.5
"""Temperature of the emotions that tell a polarity.

A net is too sure of the emotion of somebody whom it has not met, and what it took second is then not heard. Chosen by
inner folds over the training speakers, where the polarity gained a point in each corpus (1.5 to 3 are alike); the folds
that are reported gained where the language is new and nowhere else.
"""


@dataclass(frozen=True)
class Answer:
    """What the net says of one clip: an emotion of the corpus, the polarity by the emotions, and that by its own head.

    Emotions tell the polarity better than the head that was trained for it: by 0 to 3 points in each of six trials
    on the training speakers, in both corpora. The head is what starts the fusion net.
    """

    clip: str
    variant: int
    emotion: str
    polarity: int
    head: int


def answers(net: AudioNet, voices: Sequence[Voice]) -> list[Answer]:
    """The most probable emotion and polarity of each clip alone."""
    net.eval()
    found = []
    with torch.inference_mode():
        for start in range(0, len(voices), BATCH):
            some = voices[start : start + BATCH]
            batch = collate([window_of(voice) for voice in some])
            heard = net(batch.x, batch.mask)
            possible = batch.spoken * net.known
            emotion = emotion_probabilities(heard.emotion, possible)
            sign = signs_of(emotion_probabilities(heard.emotion / SOFTENED, possible), possible)
            said = torch.stack([emotion.argmax(1), sign.argmax(1), heard.polarity.argmax(1)], 1)
            found += [
                Answer(v.clip.id, v.variant, EMOTIONS[e], p, h)
                for v, (e, p, h) in zip(some, said.tolist(), strict=True)
            ]
    return found


def figures(answered: Sequence[Answer], voices: dict[str, Voice]) -> dict[str, float]:
    """UAR in percent of the polarity (surprise left out), by emotions and by the head, and of the emotion.

    `voices` are the clips by their id, in any variant.
    """
    named = [(EMOTIONS.index(a.emotion), EMOTIONS.index(voices[a.clip].clip.emotion)) for a in answered]
    signed = [(a, polarity(voices[a.clip].piece.score)) for a in answered if np.isfinite(voices[a.clip].piece.score)]
    return {
        "polarity": _uar([(a.polarity, truth) for a, truth in signed]),
        "emotion": _uar(named),
        "polarity by the head": _uar([(a.head, truth) for a, truth in signed]),
    }


def _uar(pairs: Sequence[tuple[int, int]]) -> float:
    guess, truth = np.array(pairs, np.int64).T
    return uar(guess, truth)
