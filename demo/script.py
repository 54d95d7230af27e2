"""What is said in the demo, how, and when: the call's timeline."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from voice import Manner, Utterance, Voice

CHEERFUL, BITTER, BRIGHT, CALM = Manner(165, 62, 80), Manner(138, 34, 22), Manner(172, 68, 90), Manner(160, 45, 50)
VOICES = {"call": "en-us+f3", "guest": "en-gb-x-rp+m3"}


@dataclass(frozen=True)
class Line:
    """One sentence: who says it, its cue id, its words, how, and the silence before it in seconds."""

    speaker: str
    cue: str
    text: str
    manner: Manner
    pause: float = 0.3


LINES = (
    Line("call", "hello-1", "Hi, good morning!", CHEERFUL, 0.8),
    Line("call", "hello-2", "I set up the new speaker last night, and honestly, I love it.", CHEERFUL),
    Line("call", "hello-3", "The sound is wonderful, so warm and clear.", CHEERFUL),
    Line("call", "hello-4", "My daughter danced around the kitchen all evening.", CHEERFUL),
    Line("call", "hello-5", "It was the best night in weeks!", CHEERFUL),
    Line("guest", "greeting-1", "That is lovely to hear!", CALM, 0.6),
    Line("guest", "greeting-2", "So, what can I do for you today?", CALM),
    Line("call", "trouble-1", "Well, this morning it simply died.", BITTER, 0.9),
    Line("call", "trouble-2", "No sound, no light, nothing.", BITTER),
    Line("call", "trouble-3", "I called you twice, and I waited forty minutes.", BITTER),
    Line("call", "trouble-4", "Then somebody hung up on me.", BITTER),
    Line("call", "trouble-5", "That was terrible, and I am so disappointed.", BITTER),
    Line("call", "trouble-6", "Wait, let me get the awful thing.", BITTER),
    Line("guest", "apology-1", "I am really sorry about that.", CALM, 2.6),
    Line("guest", "apology-2", "A brand new one leaves our warehouse today, free of charge.", CALM),
    Line("call", "thanks-1", "Oh, really? Today?", BRIGHT, 0.7),
    Line("call", "thanks-2", "That is fantastic, thank you so much!", BRIGHT),
    Line("call", "thanks-3", "You just saved my weekend, and my daughter will be thrilled.", BRIGHT),
    Line("call", "thanks-4", "What a great service, I am really happy.", BRIGHT),
    Line("call", "thanks-5", "Have a wonderful day!", BRIGHT),
)
SILENCE_AT_THE_END = 1.2  # seconds


@dataclass(frozen=True)
class Spoken:
    """A line with its sound and the second of the call at which it begins."""

    line: Line
    start: float
    utterance: Utterance

    @property
    def end(self) -> float:
        """When the last word is over."""
        return self.start + self.utterance.words[-1].end


def speak() -> tuple[list[Spoken], float, int]:
    """Speaks all lines; returns them with the length of the call and the sample rate."""
    voice = Voice()
    at = 0.0
    spoken: list[Spoken] = []
    for line in LINES:
        at += line.pause
        said = Spoken(line, at, voice.say(VOICES[line.speaker], line.text, line.manner))
        spoken.append(said)
        at = said.end
    return spoken, at + SILENCE_AT_THE_END, voice.rate


def stamp(seconds: float) -> str:
    """A WebVTT time stamp."""
    ms = round(seconds * 1000)
    return f"{ms // 3600000:02}:{ms // 60000 % 60:02}:{ms // 1000 % 60:02}.{ms % 1000:03}"


def transcript(spoken: list[Spoken], speaker: str) -> str:
    """The speaker's cues as WebVTT, with a time stamp where each word begins.

    A time stamp followed by no word says that the word before it is over.
    """
    out = ["WEBVTT", "", f"NOTE Made by demo/make.py, for {speaker}.webm."]
    for said in spoken:
        if said.line.speaker != speaker:
            continue
        words = said.utterance.words
        text = words[0].text
        for before, word in pairwise(words):
            if word.start - before.end > 0.02:
                text += f"<{stamp(said.start + before.end)}>"
            text += f" <{stamp(said.start + word.start)}>{word.text}"
        begin, end = stamp(said.start + words[0].start), stamp(said.end)
        out += ["", said.line.cue, f"{begin} --> {end}", text]
    return "\n".join(out) + "\n"
