"""A clip of acted speech, whichever corpus it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from valence_training.data import emotions


@dataclass(frozen=True, slots=True)
class Clip:
    """One clip; `speaker` is unique over corpora, `emotion` is a word of emotions.SCORE or `surprised`."""

    id: str
    path: Path
    corpus: str
    speaker: str
    sentence: str
    emotion: str

    @property
    def score(self) -> float | None:
        """Sentiment on the MOSI scale; None where the emotion has no sign."""
        return emotions.SCORE.get(self.emotion)
