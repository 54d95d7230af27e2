"""MOSI as a stream: what a user of a live score gets.

    python -m valence_training.experiments.stream [--split valid] [--bundle DIR] [--binary FILE]

The words of each video, at their real times, go as a transcript through `valence replay`, and the score of every 8 s
window is set against the overlap-weighted mean of the labels under it. A transcript is cut into segments in three ways:
`segments` by MOSI's bounds and, between them, by pauses; `pauses` by pauses alone, as nobody who is live knows the
bounds; `labelled` as the first, but what nobody labelled is left out.

In a replay a cue is known whole when its first word is spoken. So what is known in a call is given on its own: `at
once`, when the window ends, from the words that have ended, and `2 s later`, when it is final (align.lateness). In both
a segment in progress is encoded without its rest. `complete` is a replay, and a call after its corrections.

Resumes video by video (one file a video in the cache, of one bundle and program). Writes results/stream.json.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from valence_training import manifest
from valence_training.data import mosi
from valence_training.experiments import transcripts
from valence_training.experiments.stream_rows import WINDOW, Cell, material, rows
from valence_training.experiments.transcripts import Cue
from valence_training.extract import sha256
from valence_training.fusion.reading import CONTEXT
from valence_training.paths import BUNDLE, REPO, cache_dir
from valence_training.progress import Progress

KNOWN = {"at once": 0.0, "2 s later": 2.0}
"""How long after the end of a window the transcript is asked for it."""

SPACING = 128
"""Seconds between the copies of a transcript that hold what is known at one moment each; a multiple of WINDOW."""

Replay = Callable[[Mapping[str, Sequence[Cue]], int], list[dict[str, Any]]]


class Program:
    """`valence replay` of one binary with one bundle."""

    def __init__(self, binary: Path, bundle: Path) -> None:
        self.binary, self.bundle = binary, bundle
        self.scale = float(json.loads((bundle / "manifest.json").read_text())["score_scale"])

    @property
    def digest(self) -> str:
        """What a score depends on besides the words."""
        return f"{manifest.identity(self.bundle)}-{sha256(self.binary)[:8]}"

    def __call__(self, spoken: Mapping[str, Sequence[Cue]], hop: int) -> list[dict[str, Any]]:
        """Score transcripts, each as a participant of its own; the events, scores on the MOSI scale."""
        with tempfile.TemporaryDirectory() as folder:
            command = [str(self.binary), "replay", "--quiet", "--window", f"{WINDOW}s", "--hop", f"{hop}s"]
            for name, cues in spoken.items():
                path = Path(folder) / f"{name}.json"
                transcripts.write(path, cues)
                command += ["--transcript", f"{name}={path}"]
            env = os.environ | {"VALENCE_INFERENCE_MODEL": str(self.bundle)}
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=env)  # noqa: S603 our own program
        events = [json.loads(line) for line in done.stdout.splitlines()]
        for event in events:
            event["score"] *= self.scale
        return events


def cell(replay: Replay, words: Sequence[mosi.Word], segments: Sequence[mosi.Segment]) -> Cell:
    """Score one video with every transcript in every state."""
    cut = {
        "segments": transcripts.by_labels(words, segments),
        "pauses": transcripts.by_pauses(words),
        "labelled": transcripts.by_labels(words, segments, others=False),
    }
    moments = range(2, math.ceil(max(word.end for word in words)) + 1)
    copies = {
        (name, state): snapshots(cut[name], moments, later)
        for name in ("segments", "pauses")
        for state, later in KNOWN.items()
    }
    whole = _by_kind(replay(cut, 1))
    known = _by_kind(replay({f"{name}-{KNOWN[state]:g}": copy for (name, state), copy in copies.items()}, WINDOW))
    windows = {f"{name}, complete": [[end, score] for _, end, score in whole[name, "sliding"]] for name in cut}
    for name, state in copies:
        at = {end: score for _, end, score in known[f"{name}-{KNOWN[state]:g}", "sliding"]}
        windows[f"{name}, {state}"] = [[float(m), at[place(m)]] for m in moments if place(m) in at]
    return {"windows": windows, "utterances": {name: whole[name, "utterance"] for name in cut}}


def place(moment: int) -> float:
    """Where the window that ends at this moment ends among the copies."""
    return float(SPACING * (moment + 1))


def snapshots(cues: Sequence[Cue], moments: Sequence[int], later: float) -> list[Cue]:
    """One transcript that holds, for every moment, what is known `later` of the window that ends then and before it."""
    found: list[Cue] = []
    for moment in moments:
        oldest = moment - WINDOW - CONTEXT
        mine = [cue for cue in transcripts.heard(cues, moment + later) if cue[-1].end > oldest]
        if any(cue[0].start < moment - (SPACING - 2 * WINDOW) for cue in mine):
            raise ValueError(
                f"{mine[0][0].video}: a segment before {moment} s is too long for copies {SPACING} s apart"
            )
        found += transcripts.shifted(mine, place(moment) - moment)
    return found


def cells(
    replay: Replay,
    folder: Path,
    words: Mapping[str, Sequence[mosi.Word]],
    segments: Mapping[str, Sequence[mosi.Segment]],
) -> dict[str, Cell]:
    """The scores of every video; those that are in the folder are not made again."""
    progress, found = Progress("stream", len(segments)), {}
    for video, labelled in segments.items():
        path = folder / f"{video}.json"
        if not path.exists():
            part = path.with_suffix(".part")
            part.write_text(json.dumps(cell(replay, words[video], labelled)), encoding="utf-8")
            part.replace(path)
        found[video] = json.loads(path.read_text(encoding="utf-8"))
        progress.step(note=video)
    return found


def _by_kind(events: Sequence[dict[str, Any]]) -> dict[tuple[str, str], list[list[float]]]:
    """[start, end, score] of the windows of each (participant, kind)."""
    found: dict[tuple[str, str], list[list[float]]] = defaultdict(list)
    for event in events:
        window = event["window"]
        found[event["participant"], window["kind"]].append(
            [_seconds(window["start"]), _seconds(window["end"]), event["score"]]
        )
    return found


def _seconds(moment: str) -> float:
    """Seconds since 1970, where a replay without --start begins."""
    return float(np.datetime64(moment.removesuffix("Z"), "ns").astype(np.int64)) / 1e9


def main() -> None:
    """Score the videos that are not scored yet, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--split", choices=("valid", "test"), default="test")
    parser.add_argument("--bundle", type=Path, default=BUNDLE)
    parser.add_argument("--binary", type=Path, default=REPO / "bin" / "valence")
    args = parser.parse_args()
    for path, what in ((args.bundle / "manifest.json", "bundle"), (args.binary, "program")):
        if not path.exists():
            parser.error(f"no {what} at {path}; `make build` makes the program, inference/model/bundle is the bundle")
    words, segments = material(args.split)
    program = Program(args.binary, args.bundle)
    found = rows(cells(program, cache_dir("results", "stream", program.digest), words, segments), words, segments)
    out = cache_dir("results") / ("stream.json" if args.split == "test" else f"stream-{args.split}.json")
    result = {"name": "stream", "split": args.split, "bundle": manifest.identity(args.bundle), "rows": found}
    out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    for row in found:
        print(line(row), file=sys.stderr)


def line(row: dict[str, Any]) -> str:
    """One row for a person."""
    delayed = f"  delay {row['delay_s']:.1f} s, {row['behind_s']:.1f} s behind" if "delay_s" in row else ""
    return (
        f"{row['scores']:28} {row['transcript']:20} {row['labelled']:5} n {row['windows']:5}  MAE {row['mae']:.3f}"
        f"  r {row['r']:.3f}  CCC {row['ccc']:.3f}{delayed}"
    )


if __name__ == "__main__":
    main()
