"""Makes the demo call: call.webm, guest.webm and their transcripts.

Needs ffmpeg with libvpx and libopus, espeak-ng, and the Python packages that
make.sh installs. README.md tells what it shows.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

import acting
from canvas import HEIGHT, WIDTH
from script import Spoken, speak, transcript

HERE = Path(__file__).parent
LOUDNESS = 0.12  # root mean square of speech
NOISE = 0.0012  # a quiet room: no microphone gives digital silence
KBITS = {"call": 105, "guest": 40}


def soundtrack(spoken: list[Spoken], speaker: str, length: float, rate: int) -> npt.NDArray[np.int16]:
    """What the speaker's microphone hears."""
    track = np.random.default_rng(11).normal(0, NOISE, int(length * rate)).astype(np.float32)
    for said in spoken:
        if said.line.speaker != speaker:
            continue
        voice = said.utterance.samples
        voice = voice * (LOUDNESS / np.sqrt(np.mean(voice[np.abs(voice) > 0.01] ** 2)))
        begin = int(said.start * rate)
        room = min(len(voice), len(track) - begin)
        track[begin : begin + room] += voice[:room]
    return (np.clip(track, -1, 1) * 32767).astype(np.int16)


def encode(name: str, frames: Iterator[Image.Image], sound: npt.NDArray[np.int16], rate: int) -> None:
    """Writes name.webm: VP8 and Opus, as a browser would send it."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        with wave.open(file.name, "wb") as out:
            out.setparams((1, 2, rate, 0, "NONE", ""))
            out.writeframes(sound.tobytes())
        command = [
            "ffmpeg",
            "-v",
            "error",
            "-y",
            "-f",
            "rawvideo",
            "-pix_fmt",
            "rgb24",
            "-s",
            f"{WIDTH}x{HEIGHT}",
            "-r",
            str(acting.FPS),
            "-i",
            "-",
        ]
        command += [
            "-i",
            file.name,
            "-pix_fmt",
            "yuv420p",
            "-c:v",
            "libvpx",
            "-b:v",
            f"{KBITS[name]}k",
            "-g",
            "75",
            "-deadline",
            "good",
            "-cpu-used",
            "1",
        ]
        command += [
            "-c:a",
            "libopus",
            "-b:a",
            "20k",
            "-ar",
            "48000",
            "-fflags",
            "+bitexact",
            str(HERE / f"{name}.webm"),
        ]
        with subprocess.Popen(command, stdin=subprocess.PIPE) as encoder:
            for frame in frames:
                encoder.stdin.write(frame.tobytes())  # type: ignore[union-attr]
            encoder.communicate()
        if encoder.returncode:
            raise RuntimeError(f"ffmpeg could not write {name}.webm")


def main() -> None:
    """Makes all four files."""
    spoken, length, rate = speak()
    print(f"{length:.1f} s; {acting.cues(spoken)}", file=sys.stderr)
    for name in ("call", "guest"):
        (HERE / f"{name}.vtt").write_text(transcript(spoken, name), encoding="utf-8")
        frames = acting.caller(spoken, length) if name == "call" else acting.guest(spoken, length)
        encode(name, frames, soundtrack(spoken, name, length, rate), rate)
        print(f"{name}.webm: {(HERE / f'{name}.webm').stat().st_size / 1000:.0f} kB", file=sys.stderr)


if __name__ == "__main__":
    main()
