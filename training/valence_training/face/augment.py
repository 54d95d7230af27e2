"""Random changes of a batch of faces that keep the expression.

Two kinds: where the face is (flip, rotation, scale, shift), because a detector's box is never exact,
and how the picture came to be (light, gamma, blur, low resolution, JPEG, noise, a covered patch),
because a call is small, dim and compressed, while FER2013 is made of photographs.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

_ROTATION = math.radians(15)
_SCALE = (0.82, 1.22)
_SHIFT = 4 / 24  # 4 pixels, where the half side is 1
_SMALLEST = 16


class Augment:
    """A seeded source of random changes; the same seed gives the same faces on the same machine."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def __call__(self, faces: Tensor) -> Tensor:
        """f32 [N, 1, 48, 48] in 0..255 -> changed copy of the same shape and range."""
        faces = self._move(faces)
        faces = self._light(faces)
        for change, share in ((self._blur, 0.15), (self._shrink, 0.25), (self._jpeg, 0.2)):
            chosen = torch.from_numpy(np.flatnonzero(self._rng.random(len(faces)) < share))
            if len(chosen) > 0:
                faces[chosen] = change(faces[chosen])
        return self._cover(self._noise(faces)).clamp_(0, 255)

    def _uniform(self, low: float, high: float, n: int) -> Tensor:
        return torch.from_numpy(self._rng.uniform(low, high, n).astype(np.float32))

    def _move(self, faces: Tensor) -> Tensor:
        n = len(faces)
        angle = self._uniform(-_ROTATION, _ROTATION, n)
        scale = torch.exp(self._uniform(math.log(_SCALE[0]), math.log(_SCALE[1]), n))
        mirror = torch.where(self._uniform(0, 1, n) < 0.5, -1.0, 1.0)
        cos, sin = scale * torch.cos(angle), scale * torch.sin(angle)
        shift = self._uniform(-_SHIFT, _SHIFT, 2 * n).reshape(2, n)
        theta = torch.stack([mirror * cos, -sin, shift[0], mirror * sin, cos, shift[1]], dim=1)
        grid = F.affine_grid(theta.reshape(n, 2, 3), list(faces.shape), align_corners=False)
        return F.grid_sample(faces, grid, padding_mode="border", align_corners=False)

    def _light(self, faces: Tensor) -> Tensor:
        """Gamma, a ramp of light across the face, and exposure that may clip."""
        n, side = len(faces), faces.shape[-1]
        column = (n, 1, 1, 1)
        faces = 255 * (faces / 255).clamp(1e-4, 1) ** torch.exp(self._uniform(-0.5, 0.5, n)).reshape(column)
        axis = torch.linspace(-1, 1, side)
        direction = self._uniform(0, 2 * math.pi, n).reshape(column)
        ramp = torch.cos(direction) * axis + torch.sin(direction) * axis[:, None]
        strength = (self._uniform(-0.4, 0.4, n)).reshape(column)
        gain = torch.exp(self._uniform(-0.5, 0.25, n)).reshape(column)
        return (faces * (1 + strength * ramp) * gain).clamp(0, 255)

    def _blur(self, faces: Tensor) -> Tensor:
        sigma = float(self._rng.uniform(0.5, 1.4))
        kernel = torch.exp(-(torch.arange(-3, 4, dtype=torch.float32) ** 2) / (2 * sigma * sigma))
        kernel = kernel / kernel.sum()
        faces = F.conv2d(F.pad(faces, (3, 3, 0, 0), mode="replicate"), kernel.reshape(1, 1, 1, 7))
        return F.conv2d(F.pad(faces, (0, 0, 3, 3), mode="replicate"), kernel.reshape(1, 1, 7, 1))

    def _shrink(self, faces: Tensor) -> Tensor:
        """A face that was small in its picture and had to be enlarged."""
        size = int(self._rng.integers(_SMALLEST, 40))
        small = F.interpolate(faces, size=(size, size), mode="area")
        return F.interpolate(small, size=tuple(faces.shape[-2:]), mode="bilinear", align_corners=False)

    def _jpeg(self, faces: Tensor) -> Tensor:
        """The loss of JPEG and, near enough, of a video key frame: 8x8 DCT coefficients are rounded."""
        quality = float(self._rng.uniform(20, 80))
        scale = 50 / quality if quality < 50 else 2 - quality / 50
        step = (_LUMINANCE * scale).clamp(min=1)
        n, _, height, width = faces.shape
        blocks = (faces - 128).reshape(n, height // 8, 8, width // 8, 8).permute(0, 1, 3, 2, 4)
        coefficients = torch.round(_DCT @ blocks @ _DCT.T / step) * step
        blocks = _DCT.T @ coefficients @ _DCT
        return (blocks.permute(0, 1, 3, 2, 4).reshape(n, 1, height, width) + 128).clamp(0, 255)

    def _noise(self, faces: Tensor) -> Tensor:
        deviation = torch.relu(self._uniform(-12, 8, len(faces))).reshape(-1, 1, 1, 1)
        noise = self._rng.standard_normal(tuple(faces.shape), dtype=np.float32)
        return faces + deviation * torch.from_numpy(noise)

    def _cover(self, faces: Tensor) -> Tensor:
        """Cutout (DeVries and Taylor 2017) on half of the faces."""
        side = faces.shape[-1]
        for i in np.flatnonzero(self._rng.random(len(faces)) < 0.5):
            height, width = self._rng.integers(6, 17, 2)
            top, left = self._rng.integers(0, side - height), self._rng.integers(0, side - width)
            faces[i, 0, top : top + height, left : left + width] = float(self._rng.uniform(0, 255))
        return faces


def _dct() -> Tensor:
    k, i = torch.arange(8.0)[:, None], torch.arange(8.0)
    matrix = torch.cos((2 * i + 1) * k * math.pi / 16) / 2
    matrix[0] /= math.sqrt(2)
    return matrix


_DCT = _dct()
_LUMINANCE = torch.tensor(  # ITU-T T.81, table K.1
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    dtype=torch.float32,
)
