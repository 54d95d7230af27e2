"""Accuracy and recalls of a face net on a set of faces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from valence_training.data import fer
from valence_training.face.model import FaceNet

_BATCH = 256


@dataclass(frozen=True)
class Quality:
    """Shares in 0..1: seven-way accuracy and recalls, three-way unweighted recall and recalls."""

    faces: int
    emotion_accuracy: float
    emotion_recall: dict[str, float]
    polarity_uar: float
    polarity_recall: dict[str, float]

    def line(self) -> str:
        """One line for a log."""
        return (
            f"7-class {100 * self.emotion_accuracy:.1f} %, 3-way UAR {100 * self.polarity_uar:.1f} % ("
            + ", ".join(f"{name} {100 * recall:.0f}" for name, recall in self.polarity_recall.items())
            + ")"
        )


def evaluate(net: FaceNet, faces: fer.Faces) -> Quality:
    """Quality of `net` on `faces`; leaves the net in evaluation mode."""
    emotion, polarity = predict(net, faces)
    known = faces.polarity != fer.NO_POLARITY
    polarity_recall = _recalls(polarity[known], faces.polarity[known], fer.POLARITIES)
    return Quality(
        faces=len(faces),
        emotion_accuracy=float(np.mean(emotion == faces.emotion)),
        emotion_recall=_recalls(emotion, faces.emotion, fer.EMOTIONS),
        polarity_uar=float(np.mean(list(polarity_recall.values()))),
        polarity_recall=polarity_recall,
    )


def predict(net: FaceNet, faces: fer.Faces) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The most likely emotion and polarity of each face."""
    net.eval()
    emotion, polarity = [], []
    with torch.inference_mode():
        for start in range(0, len(faces), _BATCH):
            _, emotion_logits, polarity_logits = net(pixels(faces.images[start : start + _BATCH]))
            emotion.append(emotion_logits.argmax(dim=1).numpy())
            polarity.append(polarity_logits.argmax(dim=1).numpy())
    return np.concatenate(emotion), np.concatenate(polarity)


def pixels(images: NDArray[np.uint8]) -> Tensor:
    """u8 [N, H, W] -> f32 [N, 1, H, W] in 0..255."""
    return torch.from_numpy(images).unsqueeze(1).float()


def _recalls(guess: NDArray[np.int64], truth: NDArray[np.int64], names: tuple[str, ...]) -> dict[str, float]:
    return {name: float(np.mean(guess[truth == i] == i)) for i, name in enumerate(names) if np.any(truth == i)}
