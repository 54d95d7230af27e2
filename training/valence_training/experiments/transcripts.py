"""Transcripts as a recogniser would give them, from the word times of MOSI.

A recogniser cuts speech into segments. MOSI's own bounds are one way (`by_labels`), pauses another that needs no label
(`by_pauses`). `heard` is what it has delivered at a moment: words that have ended, the segment in progress without its
rest.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from valence_training.data import mosi
from valence_training.data.mosi import Segment, Word

PAUSE = 0.3
"""Seconds of silence that end a segment."""

Cue = tuple[Word, ...]
"""The words of one transcript segment, in order of time."""


def by_pauses(words: Iterable[Word], pause: float = PAUSE) -> list[Cue]:
    """Cut where nothing is said for longer than `pause`; a pause is no word."""
    cues: list[list[Word]] = []
    for word in words:
        if word.word == mosi.PAUSE:
            continue
        if not cues or word.start - cues[-1][-1].end > pause:
            cues.append([])
        cues[-1].append(word)
    return [tuple(cue) for cue in cues]


def by_labels(words: Sequence[Word], segments: Sequence[Segment], others: bool = True) -> list[Cue]:
    """One cue for the words of each labelled segment; what is said between them is cut at pauses, or left out.

    A word belongs to the first segment that holds its middle.
    """
    cues: list[Cue] = []
    owner = owners(words, segments)
    for number in range(len(segments)):
        mine = tuple(word for word, at in zip(words, owner, strict=True) if at == number)
        if mine:
            cues.append(mine)
    if others:
        run: list[Word] = []
        for word, at in zip(words, owner, strict=True):
            if at < 0:
                run.append(word)
            elif run:
                cues += by_pauses(run)
                run = []
        cues += by_pauses(run)
    return sorted(cues, key=lambda cue: (cue[0].start, cue[-1].end))


def heard(cues: Iterable[Cue], moment: float) -> list[Cue]:
    """What is known at a moment, in seconds of the video."""
    begun = (tuple(word for word in cue if word.end <= moment) for cue in cues)
    return [cue for cue in begun if cue]


def shifted(cues: Iterable[Cue], seconds: float) -> list[Cue]:
    """The same at another time."""
    return [tuple(Word(w.video, w.start + seconds, w.end + seconds, w.word) for w in cue) for cue in cues]


def write(path: Path, cues: Iterable[Cue]) -> None:
    """Write the JSON that `valence replay --transcript` reads."""
    segments = [
        {
            "id": str(number),
            "text": " ".join(word.word for word in cue),
            "start_ms": 1000 * cue[0].start,
            "end_ms": 1000 * cue[-1].end,
            "words": [{"text": w.word, "start_ms": 1000 * w.start, "end_ms": 1000 * w.end} for w in cue],
        }
        for number, cue in enumerate(cues)
    ]
    path.write_text(json.dumps(segments), encoding="utf-8")


def owners(words: Sequence[Word], segments: Sequence[Segment]) -> list[int]:
    """Index of the segment of each word; -1 for a pause and for what no segment holds."""
    starts, ends = np.array([s.start for s in segments]), np.array([s.end for s in segments])
    found = []
    for word in words:
        middle = (word.start + word.end) / 2
        inside = np.flatnonzero((starts <= middle) & (middle < ends))
        found.append(int(inside[0]) if word.word != mosi.PAUSE and len(inside) else -1)
    return found
