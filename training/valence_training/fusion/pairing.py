"""Pairs of unimodal samples, and streams that go missing.

No corpus here has all three streams with raw media. So a text, a voice and a face of different people are put together:
with probability `agreement` audio and video get the polarity of the leading stream, else any. Audio that agrees by
construction would look like a gain of fusion and mean nothing, so no gain is ever claimed from pairs; they teach the
net to weigh streams and to live without one.

Targets: the first of the present streams leads and gives the target, for nobody knows what another's label would be:
with text the text's, else the voice's, and a face's only where it is alone. Each stream's own head learns its own
label.

A window is made complete first and then shown with fewer streams or steps: a momentum teacher sees it as it was made.
Complete is the leading stream with all that follow; a text that is not shown belongs to somebody else, and a teacher
who had read it would teach its label.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from valence_training.data.emotions import polarity
from valence_training.fusion.encoder import StreamShape
from valence_training.fusion.material import Piece
from valence_training.fusion.model import SHAPES, STREAMS, Inputs
from valence_training.fusion.windows import FaceWindows, Random, VoiceWindows, thin

AGREEMENT = 0.4

NO_IDENTITY = -1
"""The identity of a pair that was put together from different people: no other view of it exists."""

TEXT, AUDIO, VIDEO = range(3)
ALL = (TEXT, AUDIO, VIDEO)

PATTERNS: tuple[tuple[int, ...], ...] = (
    (TEXT,),
    (AUDIO,),
    (VIDEO,),
    (TEXT, AUDIO),
    (TEXT, VIDEO),
    (AUDIO, VIDEO),
    ALL,
)
"""The seven sets of present streams."""

DROPS: tuple[tuple[float, tuple[int, ...]], ...] = (
    (0.35, (TEXT, AUDIO)),
    (0.15, (AUDIO, VIDEO)),
    (0.15, (TEXT, VIDEO)),
    (0.10, (TEXT,)),
    (0.10, (AUDIO,)),
    (0.05, (VIDEO,)),
    (0.10, ALL),
)
"""What is left where a sample is not intact, with its share; the last keeps all streams and drops random steps."""

INTACT = 0.5


@dataclass(frozen=True)
class Example:
    """One window: a piece for each stream that is present, and which of them gives the target.

    `identity` numbers real recordings of several streams.
    """

    pieces: tuple[Piece | None, Piece | None, Piece | None]
    lead: int
    identity: int = NO_IDENTITY

    @property
    def score(self) -> float:
        """The target on the MOSI scale."""
        piece = self.pieces[self.lead]
        assert piece is not None  # noqa: S101 the lead is present by construction
        return piece.score


def name(pattern: Sequence[int]) -> str:
    """`text+audio`, always in the order text, audio, video."""
    return "+".join(STREAMS[m] for m in sorted(pattern))


def draw_pattern(random: Random) -> tuple[tuple[int, ...], bool]:
    """Streams that stay, and whether random steps are dropped, by the protocol of missing streams."""
    if random.random() < INTACT:
        return ALL, False
    choice = int(random.choice(len(DROPS), p=[share for share, _ in DROPS]))
    return DROPS[choice][1], choice == len(DROPS) - 1


def pair(
    text: Piece,
    voices: VoiceWindows,
    faces: FaceWindows,
    pattern: tuple[int, ...],
    random: Random,
    agreement: float = AGREEMENT,
) -> Example:
    """Put a voice and a face beside the text, or beside each other where the pattern has no text."""
    lead = min(pattern)
    pieces: list[Piece | None] = [text if TEXT in pattern else None, None, None]
    wanted = polarity(text.score) if lead == TEXT else int(random.integers(3))
    for m, source in ((AUDIO, voices), (VIDEO, faces)):
        if m in pattern:
            agree = m == lead or random.random() < agreement
            pieces[m] = source.draw(wanted if agree else None, random)
    return Example((pieces[0], pieces[1], pieces[2]), lead)


def complete(
    text: Piece,
    voices: VoiceWindows,
    faces: FaceWindows,
    pattern: tuple[int, ...],
    random: Random,
    agreement: float = AGREEMENT,
) -> Example:
    """A complete window of which `pattern` will be shown: its leading stream and all that would follow it."""
    return pair(text, voices, faces, ALL[min(pattern) :], random, agreement)


def shown(example: Example, pattern: tuple[int, ...]) -> Example:
    """The example with the streams of the pattern alone."""
    first, second, third = (piece if m in pattern else None for m, piece in enumerate(example.pieces))
    return replace(example, pieces=(first, second, third))


def thinned(example: Example, rate: float, random: Random) -> Example:
    """The example with random words and frames dropped."""
    first, second, third = (None if p is None else thin(p, rate, random) for p in example.pieces)
    return replace(example, pieces=(first, second, third))


@dataclass(frozen=True)
class Batch:
    """Tensors of some examples: inputs, target [B], own label of each stream [B, 3], NaN where absent, identity [B]."""

    inputs: Inputs
    target: Tensor
    own: Tensor
    identity: Tensor


class Views(NamedTuple):
    """The same examples twice: with the streams and steps that are shown, and complete where a teacher needs it."""

    shown: Batch
    complete: Batch | None = None


def collate(examples: Sequence[Example], shapes: Sequence[StreamShape] = SHAPES) -> Batch:
    """Pad the examples to the longest of each stream; an absent stream has zeros, mask 0 and present 0.

    `shapes` are those of the net that will read them.
    """
    size = len(examples)
    present = np.zeros((size, len(STREAMS)), np.float32)
    own = np.full((size, len(STREAMS)), np.nan, np.float32)
    tensors: list[Tensor] = []
    for m, shape in enumerate(shapes):
        steps = max(1, *(len(e.pieces[m].values) if e.pieces[m] is not None else 1 for e in examples))  # type: ignore[union-attr]
        values = np.zeros((size, steps, shape.width), np.float32)
        mask = np.zeros((size, steps), np.float32)
        for i, example in enumerate(examples):
            piece = example.pieces[m]
            if piece is None:
                continue
            length = len(piece.values)
            values[i, :length] = piece.values
            mask[i, :length] = piece.usable if piece.seconds is None else piece.usable * piece.seconds
            present[i, m] = 1.0
            own[i, m] = piece.score
        tensors += [torch.from_numpy(values), torch.from_numpy(mask)]
    target = torch.tensor([example.score for example in examples], dtype=torch.float32)
    identity = torch.tensor([example.identity for example in examples])
    inputs = Inputs._make([*tensors, torch.from_numpy(present), *_before(examples, shapes[TEXT].width)])
    return Batch(inputs, target, torch.from_numpy(own), identity)


def _before(examples: Sequence[Example], width: int) -> tuple[Tensor, Tensor]:
    """What was said before each example [B, width], and how many seconds of speech that is [B]."""
    values, seconds = np.zeros((len(examples), width), np.float32), np.zeros(len(examples), np.float32)
    for i, example in enumerate(examples):
        text = example.pieces[TEXT]
        if text is not None and text.before is not None:
            values[i], seconds[i] = text.before.values, text.before.seconds
    return torch.from_numpy(values), torch.from_numpy(seconds)
