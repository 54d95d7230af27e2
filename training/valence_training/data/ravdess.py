"""RAVDESS speech (Livingstone & Russo 2018, CC BY-NC-SA 4.0): 24 actors, two sentences, eight emotions.

The words are the same in every emotion: they must never train the text stream.
"""

from __future__ import annotations

from pathlib import Path

from valence_training.data.clips import Clip
from valence_training.paths import data_dir

_EMOTION = {
    "01": "neutral",
    "02": "calm",
    "03": "happy",
    "04": "sad",
    "05": "angry",
    "06": "fearful",
    "07": "disgust",
    "08": "surprised",
}

EMOTIONS = tuple(_EMOTION.values())
ACTORS = tuple(f"ravdess-{actor:02d}" for actor in range(1, 25))


def clips(root: Path | None = None) -> list[Clip]:
    """All clips in the order of their names (03-01-EE-II-SS-RR-AA)."""
    found = []
    for path in sorted(((root or data_dir()) / "ravdess").glob("*.flac")):
        _, _, emotion, _, sentence, _, actor = path.stem.split("-")
        found.append(
            Clip(
                id=f"ravdess/{path.stem}",
                path=path,
                corpus="ravdess",
                speaker=f"ravdess-{actor}",
                sentence=sentence,
                emotion=_EMOTION[emotion],
            )
        )
    return found
