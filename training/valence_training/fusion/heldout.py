"""Examples with one stream alone, for validation and tests: nothing random, nothing joined."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from valence_training.data import mosi
from valence_training.data.features import Features
from valence_training.extract import beginning_id
from valence_training.fusion import material
from valence_training.fusion.material import Faces, Piece, Video, Voice
from valence_training.fusion.pairing import AUDIO, TEXT, VIDEO, Example
from valence_training.fusion.windows import AUDIO_STEPS, MAX_TEXT, before, utterance


def alone(piece: Piece, stream: int) -> Example:
    """An example in which only the given stream is present."""
    pieces = [piece if m == stream else None for m in range(3)]
    return Example((pieces[0], pieces[1], pieces[2]), stream)


def texts(videos: Sequence[Video]) -> list[Example]:
    """Every labelled segment whole."""
    return [alone(utterance(v, i), TEXT) for v in videos for i in range(len(v.scores))]


def text_groups(videos: Sequence[Video]) -> list[str]:
    """The video of each example of `texts`."""
    return [v.name for v in videos for _ in v.scores]


def beginnings(features: Features, share: float) -> list[Example]:
    """The first `share` of the words of every test segment, after what was said before, with the whole one's label."""
    found = []
    videos = {video.name: video for video in material.videos(features, "test")}
    for segment in mosi.segments("test"):
        item = features.items[beginning_id(segment.id, share)]
        known = before(videos[segment.video], segment.start)
        piece = Piece(item.values[-MAX_TEXT:], item.usable[-MAX_TEXT:], segment.score, before=known)
        found.append(alone(piece, TEXT))
    return found


def clips(voices: Sequence[Voice], speakers: Collection[str]) -> list[Voice]:
    """The unvaried clips of the given speakers that have a sentiment."""
    return [v for v in voices if v.variant == 0 and v.speaker in speakers and np.isfinite(v.piece.score)]


def speech(voices: Sequence[Voice]) -> list[Example]:
    """Each clip alone, cut to the newest steps of a window (no clip here is longer)."""
    cut = (Piece(v.piece.values[-AUDIO_STEPS:], v.piece.usable[-AUDIO_STEPS:], v.piece.score) for v in voices)
    return [alone(piece, AUDIO) for piece in cut]


def single_faces(faces: Faces) -> list[Example]:
    """Each face with a sentiment as a window of one step."""
    usable = np.ones(1, bool)
    return [
        alone(Piece(faces.values[i : i + 1], usable, float(faces.scores[i])), VIDEO)
        for i in np.flatnonzero(np.isfinite(faces.scores))
    ]
