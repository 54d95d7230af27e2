"""Who is trained on and who is not. No speaker is on two sides.

MOSI has its official split and FER2013 its own. Test speakers choose nothing: neither a checkpoint nor a setting.
"""

from __future__ import annotations

from typing import Literal

from valence_training.data.clips import Clip
from valence_training.data.ravdess import ACTORS

Split = Literal["train", "valid", "test"]

VALID_SPEAKERS = frozenset({"ravdess-17", "ravdess-18", "emodb-14"})
TEST_SPEAKERS = frozenset(
    {"ravdess-19", "ravdess-20", "ravdess-21", "ravdess-22", "ravdess-23", "ravdess-24", "emodb-15", "emodb-16"}
)

FOLDS = 6


def of_speaker(clip: Clip) -> Split:
    """The split of the shipped model that a clip belongs to, by its speaker."""
    if clip.speaker in TEST_SPEAKERS:
        return "test"
    return "valid" if clip.speaker in VALID_SPEAKERS else "train"


def fold(number: int) -> frozenset[str]:
    """The four RAVDESS actors (two women, two men) that fold `number` of FOLDS is tested on."""
    size = len(ACTORS) // FOLDS
    return frozenset(ACTORS[number * size : (number + 1) * size])
