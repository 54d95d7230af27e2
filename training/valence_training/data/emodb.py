"""Berlin EMO-DB (Burkhardt et al. 2005): 10 speakers, ten German sentences, seven emotions.

The copy at hand has every clip cut to exactly 2.00 s: most end in mid-speech, some trail digital zeros.
"""

from __future__ import annotations

from pathlib import Path

from valence_training.data.clips import Clip
from valence_training.paths import data_dir

_EMOTION = {
    "W": "angry",
    "L": "bored",
    "E": "disgust",
    "A": "fearful",
    "F": "happy",
    "T": "sad",
    "N": "neutral",
}

EMOTIONS = tuple(_EMOTION.values())
SPEAKERS = tuple(f"emodb-{speaker}" for speaker in ("03", "08", "09", "10", "11", "12", "13", "14", "15", "16"))


_MEN = frozenset({"03", "10", "11", "12", "15"})
SEX = {speaker: "male" if speaker.removeprefix("emodb-") in _MEN else "female" for speaker in SPEAKERS}


def clips(root: Path | None = None) -> list[Clip]:
    """All clips in the order of their names (characters 1-2 speaker, 3-5 sentence, 6 emotion)."""
    found = []
    for path in sorted(((root or data_dir()) / "emodb").glob("*.flac")):
        name = path.stem
        found.append(
            Clip(
                id=f"emodb/{name}",
                path=path,
                corpus="emodb",
                speaker=f"emodb-{name[:2]}",
                sentence=name[2:5],
                emotion=_EMOTION[name[5]],
            )
        )
    return found
