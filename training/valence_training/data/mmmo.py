"""ICT-MMMO (Wöllmer et al. 2013): film reviews on video, audio and video aligned by words to 20 steps, rated 1 to 5.

A clip is a whole review, so each is a group of its own. The text of the training part is missing: the stream is left
out for all, and so are the splits of the file, whose 80 test clips give a MAE with a standard error of .09 (use folds).

The sibling files are not loaded. youtube.npz: audio and video are all zero in 125 of 173 training and 37 of 60 test
rows. pom.npz: video is zero in 54 % of the rows, and its 17 targets have no names.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from valence_training.data.sequences import Sequences, Split, no_stream, stream
from valence_training.paths import data_dir

SPLITS: tuple[Split, ...] = ("train", "valid", "test")
TEXT_WIDTH = 300
MISSING = -255.0
"""Stands in the voice's features for a number that could not be computed; 255 is the most that they can be."""


def load(root: Path | None = None) -> Sequences:
    """All 340 clips; audio [N, 20, 74] and video [N, 20, 36], no text; ratings 1-5 become -3 ... 3."""
    with np.load((root or data_dir()) / "sequences" / "mmmo.npz", allow_pickle=False) as archive:
        audio, video, rating = (
            np.concatenate([archive[f"{name}_{split}"] for split in SPLITS]) for name in ("audio", "video", "y")
        )
        sizes = [len(archive[f"y_{split}"]) for split in SPLITS]
    names = tuple(f"mmmo-{i:03d}" for i in range(len(rating)))
    return Sequences(
        streams=(
            no_stream(len(rating), TEXT_WIDTH),
            stream(np.where(audio <= MISSING, 0.0, audio)),
            stream(video),
        ),
        target=((rating - 3.0) * 1.5).astype(np.float32),
        id=names,
        group=names,
        split=tuple(split for split, size in zip(SPLITS, sizes, strict=True) for _ in range(size)),
    )
