"""The face encoder: a small residual net from a 48x48 grey face to a 64-d embedding."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from valence_training.data import fer

EMBEDDING = 64

_VARIANCE_FLOOR = 25.0
"""Added to the variance of the pixels, so that a plain picture becomes zeros and not noise."""


class Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut (He et al. 2016), normalised before each activation."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut = (
            nn.Identity()
            if stride == 1 and inputs == outputs
            else nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        )

    def forward(self, x: Tensor) -> Tensor:
        """[N, inputs, H, W] -> [N, outputs, H / stride, W / stride]."""
        y = F.relu(self.norm1(self.conv1(x)), inplace=True)
        y = self.norm2(self.conv2(y))
        return F.relu(y + self.shortcut(x), inplace=True)


class FaceNet(nn.Module):
    """Stem of stride 2, stages of 32, 64 and 128 channels, global average, 64-d embedding, two heads.

    The polarity head is trained on polarities of its own: adding up the probabilities of the seven
    emotions made the recall of neutral poor (measured .50). The embedding is normalised over the batch:
    averages over the picture differ so little between faces at the start that learning stalls without it.
    """

    def __init__(self, dropout: float = 0.2) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 32, 3, 2, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU(inplace=True))
        self.stages = nn.Sequential(
            Block(32, 32, 1),
            Block(32, 32, 1),
            Block(32, 64, 2),
            Block(64, 64, 1),
            Block(64, 128, 2),
            Block(128, 128, 1),
        )
        self.dropout = nn.Dropout(dropout)
        self.embedding = nn.Sequential(nn.Linear(128, EMBEDDING, bias=False), nn.BatchNorm1d(EMBEDDING))
        self.emotion = nn.Linear(EMBEDDING, len(fer.EMOTIONS))
        self.polarity = nn.Linear(EMBEDDING, len(fer.POLARITIES))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def embed(self, faces: Tensor) -> Tensor:
        """f32 [N, 1, 48, 48] in 0..255 -> f32 [N, 64]."""
        x = self.stages(self.stem(standardise(faces))).mean(dim=(2, 3))
        embedding: Tensor = self.embedding(self.dropout(x))
        return embedding

    def forward(self, faces: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """f32 [N, 1, 48, 48] in 0..255 -> embedding [N, 64], emotion logits [N, 7], polarity logits [N, 3]."""
        embedding = self.embed(faces)
        return embedding, self.emotion(embedding), self.polarity(embedding)


class ServedFace(nn.Module):
    """What `face.onnx` holds: the embedding less its mean over the training faces, and the polarity."""

    mean: Tensor

    def __init__(self, net: FaceNet, mean: Tensor) -> None:
        super().__init__()
        self.net = net
        self.register_buffer("mean", mean)

    def forward(self, face: Tensor) -> tuple[Tensor, Tensor]:
        """f32 [N, 1, 48, 48] in 0..255 -> embedding [N, 64], polarity logits [N, 3]."""
        embedding = self.net.embed(face)
        return embedding - self.mean, self.net.polarity(embedding)


def standardise(faces: Tensor) -> Tensor:
    """Each image with mean 0 and deviation 1, whatever the light: f32 [N, 1, H, W] -> the same shape."""
    centred = faces - faces.mean(dim=(2, 3), keepdim=True)
    variance = (centred * centred).mean(dim=(2, 3), keepdim=True)
    return centred / torch.sqrt(variance + _VARIANCE_FLOOR)
