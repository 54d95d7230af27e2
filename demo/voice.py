"""Speech with the exact time of each word and sound, by eSpeak NG.

Only what the demo needs of libespeak-ng's C interface (espeak-ng/speak_lib.h):
text goes in, samples come out together with events that say at which sample
each word and phoneme begins.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

RETRIEVAL, PHONEME_EVENTS, UTF8 = 1, 1, 1
RATE, VOLUME, PITCH, RANGE = 1, 2, 3, 4
WORD, END, PHONEME = 1, 5, 7


class _Event(ctypes.Structure):
    class _Id(ctypes.Union):
        _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]

    _fields_ = [
        ("type", ctypes.c_int),
        ("identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    ]


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


@dataclass(frozen=True)
class Manner:
    """How a sentence is spoken: words per minute, then 0 to 100 each."""

    rate: int
    pitch: int
    range: int
    volume: int = 100


@dataclass(frozen=True)
class Word:
    """A word and the seconds at which it begins and ends within its sentence."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class Utterance:
    """One spoken sentence."""

    samples: npt.NDArray[np.float32]  # mono, in [-1, 1], at the voice's rate
    words: list[Word]
    sounds: list[tuple[float, str]]  # when each phoneme begins, and its name


class Voice:
    """A voice of eSpeak NG. There is one engine in a process: do not mix threads."""

    def __init__(self) -> None:
        name = ctypes.util.find_library("espeak-ng") or "libespeak-ng.so.1"
        self._lib = ctypes.CDLL(name)
        self.rate: int = self._lib.espeak_Initialize(RETRIEVAL, 200, None, PHONEME_EVENTS)
        if self.rate <= 0:
            raise RuntimeError("eSpeak NG did not start; install espeak-ng")

    def say(self, voice: str, text: str, manner: Manner) -> Utterance:
        """Speaks one sentence."""
        chunks: list[npt.NDArray[np.int16]] = []
        marks: list[tuple[int, float, int, str]] = []  # kind, second, character, phoneme

        def take(wave: ctypes._Pointer[ctypes.c_short], count: int, events: ctypes._Pointer[_Event]) -> int:
            if wave and count > 0:
                chunks.append(np.ctypeslib.as_array(wave, shape=(count,)).copy())
            i = 0
            while events[i].type != 0:
                e = events[i]
                if e.type in (WORD, PHONEME, END):
                    sound = e.id.string.decode(errors="replace") if e.type == PHONEME else ""
                    marks.append((e.type, e.sample / self.rate, e.text_position - 1, sound))
                i += 1
            return 0

        callback = _Callback(take)
        self._lib.espeak_SetSynthCallback(callback)
        if self._lib.espeak_SetVoiceByName(voice.encode()) != 0:
            raise RuntimeError(f"eSpeak NG has no voice {voice}")
        for parameter, value in (
            (RATE, manner.rate),
            (PITCH, manner.pitch),
            (RANGE, manner.range),
            (VOLUME, manner.volume),
        ):
            self._lib.espeak_SetParameter(parameter, value, 0)
        data = text.encode()
        self._lib.espeak_Synth(data, len(data) + 1, 0, 1, 0, UTF8, None, None)
        self._lib.espeak_Synchronize()
        samples = np.concatenate(chunks).astype(np.float32) / np.float32(32768)
        return Utterance(samples, _words(text, marks), [(t, s) for kind, t, _, s in marks if kind == PHONEME])


def _words(text: str, marks: list[tuple[int, float, int, str]]) -> list[Word]:
    """Joins the engine's word events to the words as they are written.

    A word lasts until the next one begins or a pause comes. Where the engine
    speaks several written words in one go, they share its time by length.
    """
    spans: list[tuple[int, int]] = []
    at = 0
    for word in text.split():
        at = text.index(word, at)
        spans.append((at, at + len(word)))
        at += len(word)

    begins: dict[int, float] = {}
    for kind, second, character, _ in marks:
        if kind == WORD:
            index = next(i for i, (_, end) in enumerate(spans) if character < end)
            begins.setdefault(index, second)
    pauses = [t for kind, t, _, sound in marks if kind == END or (kind == PHONEME and sound.startswith("_"))]

    words: list[Word] = []
    heads = sorted(begins)
    for head, following in zip(heads, [*heads[1:], len(spans)], strict=True):
        start = begins[head]
        limit = begins.get(following, float("inf"))
        end = min([t for t in pauses if t > start and t <= limit] + [limit])
        total = sum(spans[i][1] - spans[i][0] for i in range(head, following))
        for i in range(head, following):
            share = (end - start) * (spans[i][1] - spans[i][0]) / total
            words.append(Word(text[slice(*spans[i])], start, start + share))
            start += share
    return words
