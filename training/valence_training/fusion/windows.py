"""Windows as a live call gives them, cut and joined from labelled material.

Every function draws from the generator it is given and from nothing else. Lengths are those of the extractors: text in
word pieces, audio at 10 Hz, faces at 5 Hz. A window shows the end of its stretch: what is too long loses its oldest
part, as in serving.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from valence_training.data.emotions import polarity
from valence_training.data.features import Floats
from valence_training.fusion.material import Before, Faces, Piece, Video, Voice
from valence_training.fusion.model import SHAPES
from valence_training.fusion.reading import CONTEXT

WINDOW = 8.0
JITTER, OFFSET = 0.3, 0.5
"""Of a face's vector from step to step, and of a whole window, in deviations of each feature over FER2013."""
CALM = 0.4
"""Share of neutral faces where any polarity will do: most of the time a face in a call is calm."""

FACE_SHARES = ((1 - CALM) / 2, CALM, (1 - CALM) / 2)

AUDIO_STEPS, VIDEO_STEPS = 80, 40
MAX_TEXT = SHAPES[0].max_steps

Random = np.random.Generator


def said(video: Video, start: float, end: float) -> tuple[NDArray[np.int64], Floats]:
    """Which words were said in [start, end), and the seconds that each stands for.

    A word belongs where its middle lies, so the first segment may have lost its beginning. The words of a segment
    share the time for which it overlaps the stretch. Serving does the same (features/align).
    """
    spans = video.spans[video.segment]
    middle = np.clip(video.times.mean(axis=1), spans[:, 0], spans[:, 1] - 1e-9)
    inside = np.flatnonzero((start <= middle) & (middle < end))
    _, of, count = np.unique(video.segment[inside], return_inverse=True, return_counts=True)
    overlap = np.minimum(spans[inside, 1], end) - np.maximum(spans[inside, 0], start)
    return inside, (np.maximum(overlap, 1e-3) / count[of]).astype(np.float32)


def before(video: Video, start: float) -> Before | None:
    """What was said in the CONTEXT seconds before `start`; None if nothing was."""
    inside, seconds = said(video, start - CONTEXT, start)
    if not len(inside):
        return None
    values = np.average(video.tokens[inside], axis=0, weights=seconds).astype(np.float32)
    score = float(np.average(video.scores[video.segment[inside]], weights=seconds))
    return Before(values, float(seconds.sum()), score)


def utterance(video: Video, segment: int) -> Piece:
    """One whole segment with its label, and what was said before it."""
    tokens = video.tokens[video.segment == segment][-MAX_TEXT:]
    start, end = video.spans[segment]
    seconds = np.full(len(tokens), max(end - start, 1e-3) / len(tokens), np.float32)
    usable = np.ones(len(tokens), bool)
    return Piece(tokens, usable, float(video.scores[segment]), seconds, before(video, start))


def live_text(video: Video, end: float, length: float = WINDOW) -> Piece | None:
    """The words of [end - length, end), labelled by its segments weighted by their overlap; None without words."""
    inside, seconds = said(video, end - length, end)
    if not len(inside):
        return None
    score = float(np.average(video.scores[video.segment[inside]], weights=seconds))
    inside, seconds = inside[-MAX_TEXT:], seconds[-MAX_TEXT:]
    return Piece(video.tokens[inside], np.ones(len(inside), bool), score, seconds, before(video, end - length))


def random_text(video: Video, random: Random) -> Piece:
    """A live window whose end falls somewhere into the segments of the video."""
    segment = random.integers(len(video.spans))
    piece = live_text(video, random.uniform(video.spans[segment, 0] + 0.5, video.spans[segment, 1] + 1.0))
    return piece or utterance(video, int(segment))


class VoiceWindows:
    """Audio windows of one speaker each, drawn evenly over the polarities."""

    def __init__(self, voices: Sequence[Voice]) -> None:
        known = [voice for voice in voices if np.isfinite(voice.piece.score)]
        self.by_polarity = [[v for v in known if polarity(v.piece.score) == p] for p in range(3)]
        self.of_track: dict[str, list[list[Voice]]] = defaultdict(lambda: [[], [], []])
        for voice in known:
            self.of_track[voice.track][polarity(voice.piece.score)].append(voice)

    def draw(self, wanted: int | None, random: Random) -> Piece:
        """A window whose first clip has the wanted polarity (any, evenly, if None).

        Half are a single clip; the others join up to three more of the same speaker, a quarter of them of any
        polarity: a change of emotion within the window, labelled by the share of speech.
        """
        first_polarity = int(random.integers(3)) if wanted is None else wanted
        choices = self.by_polarity[first_polarity]
        first = choices[random.integers(len(choices))]
        pieces = [first.piece]
        if random.random() < 0.5:
            track = self.of_track[first.track]
            for _ in range(random.integers(1, 4)):
                others = track[first_polarity if random.random() < 0.75 else random.integers(3)]
                if others:
                    pieces.append(others[random.integers(len(others))].piece)
        joined = _join([pieces[i] for i in random.permutation(len(pieces))], AUDIO_STEPS)
        return _silence(_place(joined, AUDIO_STEPS, random), random)


class FaceWindows:
    """Video windows from single faces, drawn evenly over the polarities.

    A window is one to four faces of (mostly) one polarity, each held for some steps with a little jitter. The people
    differ, which a real window's do not; so the window as a whole is moved by an offset, as a real person's look, light
    and camera move all of their faces. What the running baseline of a track would have taken away is simulated by
    `_baseline`.
    """

    def __init__(self, faces: Faces) -> None:
        self.faces = faces
        self.spread: Floats = faces.values.std(axis=0)

    def draw(self, wanted: int | None, random: Random) -> Piece:
        """A window whose first face has the wanted polarity (any if None, mostly neutral)."""
        first_polarity = int(random.choice(3, p=FACE_SHARES)) if wanted is None else wanted
        steps = 1 if random.random() < 0.25 else int(random.integers(2, VIDEO_STEPS + 1))
        count = min(int(random.integers(1, 5)), steps)
        chosen = []
        for i in range(count):
            same = i == 0 or random.random() < 0.85
            group = self.faces.by_polarity[first_polarity if same else random.integers(3)]
            chosen.append(int(group[random.integers(len(group))]))
        cuts = np.sort(random.choice(np.arange(1, steps), count - 1, replace=False)) if count > 1 else np.array([], int)
        runs = np.diff(np.concatenate([[0], cuts, [steps]]))
        held = np.repeat(np.array(chosen), runs)
        width = len(self.spread)
        jitter = random.normal(0.0, JITTER, (steps, width)) + random.normal(0.0, OFFSET, width)
        values = self.faces.values[held] + jitter * self.spread - self._baseline(chosen, random)
        usable = np.ones(steps, bool)
        if random.random() < 0.3:
            usable = random.random(steps) > random.uniform(0.0, 0.7)
            usable[random.integers(steps)] = True
        piece = Piece(values.astype(np.float32), usable, float(self.faces.scores[held].mean()))
        return _place(piece, VIDEO_STEPS, random)

    def _baseline(self, chosen: list[int], random: Random) -> Floats:
        """What a track's running baseline holds: 0 in a new track, up to half of what was seen in an old one."""
        share = random.uniform(0.0, 0.5) if random.random() < 0.7 else 0.0
        earlier = random.integers(len(self.faces.values), size=4)
        if random.random() < 0.5:
            earlier[:2] = random.choice(chosen, 2)
        baseline: Floats = (share * self.faces.values[earlier].mean(axis=0)).astype(np.float32)
        return baseline


def _join(pieces: list[Piece], limit: int) -> Piece:
    """Pieces one after the other, the newest `limit` steps; the score is the mean over the usable steps."""
    values = np.concatenate([piece.values for piece in pieces])[-limit:]
    usable = np.concatenate([piece.usable for piece in pieces])[-limit:]
    score = np.concatenate([np.full(len(piece.values), piece.score) for piece in pieces])[-limit:]
    if not usable.any():
        return pieces[-1]
    return Piece(values, usable, float(score[usable].mean()))


def _place(piece: Piece, limit: int, random: Random) -> Piece:
    """Put the piece somewhere into a longer window, whose other steps are masked; half of the time it stays."""
    room = limit - len(piece.values)
    if room <= 0 or random.random() < 0.5:
        return piece
    before = int(random.integers(room + 1))
    after = int(random.integers(room - before + 1))
    values = np.pad(piece.values, ((before, after), (0, 0)))
    return Piece(values, np.pad(piece.usable, (before, after)), piece.score)


def _silence(piece: Piece, random: Random) -> Piece:
    """One window in ten is mostly silence: a few steps of speech are left."""
    steps = np.flatnonzero(piece.usable)
    if len(steps) < 6 or random.random() > 0.1:
        return piece
    keep = int(random.integers(5, len(steps)))
    first = int(random.integers(len(steps) - keep + 1))
    usable = np.zeros_like(piece.usable)
    usable[steps[first : first + keep]] = True
    return piece._replace(usable=usable)


def thin(piece: Piece, rate: float, random: Random) -> Piece:
    """Drop random steps at the given rate; at least one usable step stays."""
    usable = piece.usable & (random.random(len(piece.usable)) >= rate)
    if not usable.any():
        usable[random.choice(np.flatnonzero(piece.usable))] = True
    return piece._replace(usable=usable)
