"""The voice's own net: the audio stream of the fusion net, with heads that also know emotions.

Body and pooling are the fusion net's classes at its sizes, so what is learned here can start the fusion's audio stream
(`start.py`). Labels of emotions say more than a score: they train the body, and stay behind.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from valence_training.data import emodb, ravdess
from valence_training.data.emotions import SCORE, polarity
from valence_training.fusion.encoder import StreamEncoder
from valence_training.fusion.layers import MASKED, KeyPooling
from valence_training.fusion.model import POLARITIES, SHAPES, FusionConfig
from valence_training.fusion.pairing import AUDIO

EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised", "bored")
"""The emotions of both corpora."""

SPOKEN = {
    corpus: torch.tensor([float(emotion in own) for emotion in EMOTIONS])
    for corpus, own in (("ravdess", ravdess.EMOTIONS), ("emodb", emodb.EMOTIONS))
}
"""Which EMOTIONS a corpus has, f32 [9] of 0 and 1: what it does not have is no wrong answer there, and no right one."""


SIGNS = torch.zeros(len(EMOTIONS), len(POLARITIES))
"""The polarity of each of EMOTIONS, f32 [9, 3] of 0 and 1; surprise has none."""
for _row, _emotion in zip(SIGNS, EMOTIONS, strict=True):
    if _emotion in SCORE:
        _row[polarity(SCORE[_emotion])] = 1.0


class Heard(NamedTuple):
    """What a voice says: score [B], polarity logits [B, 3], emotion logits [B, 9], pooled [B, d]."""

    score: Tensor
    polarity: Tensor
    emotion: Tensor
    pooled: Tensor


class AudioNet(nn.Module):
    """Encoder, key-information pooling, and a linear head each for score, polarity and emotion.

    `known` [9] says which emotions it was trained on: nothing is known of the others' logits.
    """

    known: Tensor

    def __init__(self, config: FusionConfig | None = None) -> None:
        super().__init__()
        config = config or FusionConfig()
        shape, d = SHAPES[AUDIO], config.d
        self.encoder = StreamEncoder(shape, d, config.heads, config.encoder_layers, config.dropout)
        self.pool = KeyPooling(d)
        self.score = nn.Linear(d, 1)
        self.polarity = nn.Linear(d, len(POLARITIES))
        self.emotion = nn.Linear(d, len(EMOTIONS))
        self.register_buffer("known", torch.ones(len(EMOTIONS)))

    def forward(self, x: Tensor, mask: Tensor) -> Heard:
        """Features [B, L, width], mask [B, L] -> what the heads say."""
        hidden, kept = self.encoder(x, mask)
        return self.heads(self.pool(hidden[:, 1:], kept)[0])

    def heads(self, pooled: Tensor) -> Heard:
        """Pooled [B, d] -> what the heads say of it."""
        return Heard(self.score(pooled).squeeze(1), self.polarity(pooled), self.emotion(pooled), pooled)


def emotion_probabilities(logits: Tensor, possible: Tensor) -> Tensor:
    """Logits [B, 9] -> probabilities [B, 9] of the emotions that are possible [B, 9]; the others have none."""
    return torch.softmax(logits + (possible - 1) * MASKED, dim=1) * possible


def signs_of(probabilities: Tensor, possible: Tensor) -> Tensor:
    """What emotions [B, 9] say of the polarity [B, 3]: the mean over the possible ones of each, so that none leads."""
    return (probabilities @ SIGNS) / (possible @ SIGNS).clamp(min=1.0)
