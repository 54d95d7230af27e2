"""FER2013 (Goodfellow et al. 2013): 48x48 grey faces with seven labels, without its duplicates.

The set holds images that occur twice, also once in train and once in test, some with two labels
(measured here by pixels). A net must not meet a test image while it learns, so `load_train` leaves
out every training image whose pixels occur in the test split, keeps one of each group of equal
images and drops groups whose labels disagree. The test split stays whole; `Test.unique` marks the
images that never occurred in the original training split and the first of each group, so that both
figures can be reported.

The people in FER2013 are unnamed: the validation split is drawn by image, so the same person can be
on both sides of it. Only the official test split, which has the same limit, is reported.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 48
"""Width and height of a FER2013 image in pixels."""

EMOTIONS = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
POLARITIES = ("negative", "neutral", "positive")

NO_POLARITY = -1
"""Polarity of surprise, which is neither good nor bad: left out of every polarity figure."""

_POLARITY_OF = np.array([0, 0, 0, 2, 1, 0, NO_POLARITY], dtype=np.int64)

VALIDATION_SHARE = 0.1


@dataclass(frozen=True)
class Faces:
    """Images u8 [N, 48, 48] with their emotion i64 [N] (index into EMOTIONS)."""

    images: NDArray[np.uint8]
    emotion: NDArray[np.int64]

    @property
    def polarity(self) -> NDArray[np.int64]:
        """Index into POLARITIES, or NO_POLARITY."""
        return polarity_of(self.emotion)

    def take(self, index: NDArray[np.bool_] | NDArray[np.int64]) -> Faces:
        """The faces at the given indices or where the mask is set."""
        return Faces(self.images[index], self.emotion[index])

    def __len__(self) -> int:
        return len(self.emotion)


@dataclass(frozen=True)
class Test:
    """The official test split, whole, and which of its images are free of any duplicate."""

    __test__ = False  # not a test class of pytest

    faces: Faces
    unique: NDArray[np.bool_]


def polarity_of(emotion: NDArray[np.int64]) -> NDArray[np.int64]:
    """Polarity of each emotion: surprise has NO_POLARITY."""
    return _POLARITY_OF[emotion]


def load_train(folder: Path) -> tuple[Faces, Faces]:
    """Training and validation faces from `folder`/train.npz, without duplicates and test images.

    An image belongs to validation by the hash of its pixels, so the split never depends on a seed
    or on the order of the file.
    """
    train = _read(folder / "train.npz")
    test_keys = set(_keys(_read(folder / "test.npz")))
    keys = _keys(train)
    keep = np.array([key not in test_keys for key in keys]) & _one_of_each(keys, train.emotion)
    clean = train.take(keep)
    held_out = np.array(
        [int(key[:8], 16) < VALIDATION_SHARE * 2**32 for key, kept in zip(keys, keep, strict=True) if kept]
    )
    return clean.take(~held_out), clean.take(held_out)


def load_test(folder: Path) -> Test:
    """The official test split of `folder`."""
    faces = _read(folder / "test.npz")
    seen = set(_keys(_read(folder / "train.npz")))
    unique = np.zeros(len(faces), dtype=bool)
    for i, key in enumerate(_keys(faces)):
        unique[i] = key not in seen
        seen.add(key)
    return Test(faces, unique)


def _read(path: Path) -> Faces:
    with np.load(path) as archive:
        blob = archive["jpeg"].tobytes()
        offset = archive["offset"]
        emotion = archive["label"].astype(np.int64)
        names = tuple(str(name) for name in archive["label_names"])
    if names != EMOTIONS:
        raise ValueError(f"{path}: labels are {names}, expected {EMOTIONS}")
    images = np.empty((len(emotion), SIDE, SIDE), dtype=np.uint8)
    for i in range(len(emotion)):
        with Image.open(io.BytesIO(blob[offset[i] : offset[i + 1]])) as image:
            images[i] = np.asarray(image.convert("L"))
    return Faces(images, emotion)


def _keys(faces: Faces) -> list[str]:
    return [hashlib.sha256(image.tobytes()).hexdigest() for image in faces.images]


def _one_of_each(keys: list[str], emotion: NDArray[np.int64]) -> NDArray[np.bool_]:
    labels: dict[str, set[int]] = {}
    for key, label in zip(keys, emotion, strict=True):
        labels.setdefault(key, set()).add(int(label))
    keep = np.zeros(len(keys), dtype=bool)
    met: set[str] = set()
    for i, key in enumerate(keys):
        keep[i] = key not in met and len(labels[key]) == 1
        met.add(key)
    return keep
