"""From the data sets to feature files, by way of `valence extract`.

Training never computes features of its own: it writes manifests, runs the Go program that also serves, and reads what
that wrote. A feature file is made again when its manifest or its modality's line of the contract has changed.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import os
import subprocess
import zlib
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from valence_training.audio import prepare
from valence_training.data import emodb, fer, mosi, ravdess, splits
from valence_training.data.clips import Clip
from valence_training.data.features import Features, load
from valence_training.paths import BUNDLE, REPO, cache_dir, data_dir
from valence_training.progress import Progress

BEGINNINGS = (0.25, 0.5, 0.75)
"""Shares of the words of a test segment that are also encoded without the rest."""


@dataclass(frozen=True)
class FeatureSets:
    """The feature files of one contract; `talkers` are the faces of whole clips, to look at and never to train on.

    `contract` is its hash and its text, as the program states them now.
    """

    text: Features
    audio: Features
    video: Features
    talkers: Features
    contract: tuple[str, str]


def features(root: Path | None = None, binary: Path | None = None, jobs: int = 1) -> FeatureSets:
    """Extract what is not there yet, or was made under other terms, and return all features."""
    root = root or cache_dir("train", "features")
    program = Program(binary or REPO / "bin" / "valence", root, jobs)
    return FeatureSets(
        text=program.extract("text", write_text(root)),
        audio=program.extract("audio", write_audio(root, jobs)),
        video=program.extract("video", write_video(root)),
        talkers=program.extract("video", write_talkers(root)),
        contract=(program.contract, program.contract_text),
    )


def audio_features(root: Path | None = None, binary: Path | None = None, jobs: int = 1) -> Features:
    """The features of the voices alone, for trainings that need no other."""
    root = root or cache_dir("train", "features")
    return Program(binary or REPO / "bin" / "valence", root, jobs).extract("audio", write_audio(root, jobs))


class Program:
    """`valence extract` of one binary, and the contract under which it extracts now."""

    def __init__(self, binary: Path, root: Path, jobs: int) -> None:
        self.binary, self.jobs = binary, jobs
        probe = _write(root / "probe.csv", ("id", "text"), [("probe", "good")])
        self._run("text", probe)
        found = load(probe.with_suffix(".npz"))
        self.contract, self.contract_text = found.contract, found.contract_text

    def extract(self, modality: str, manifest: Path) -> Features:
        """The features of a manifest, read from its .npz unless the manifest or this modality's terms have changed."""
        out, stamp = manifest.with_suffix(".npz"), manifest.with_suffix(".stamp")
        if out.exists() and stamp.exists() and stamp.read_text() == sha256(manifest):
            found = load(out)
            if terms(found.contract_text, modality) == terms(self.contract_text, modality):
                return found
        self._run(modality, manifest)
        stamp.write_text(sha256(manifest))
        return load(out)

    def _run(self, modality: str, manifest: Path) -> None:
        out = manifest.with_suffix(".npz")
        command = [str(self.binary), "extract", "--modality", modality, "--jobs", str(self.jobs), "--out", str(out)]
        # The encoders in the tree, which may be newer than those inside the program.
        env = os.environ | {"VALENCE_INFERENCE_MODEL": str(BUNDLE)}
        subprocess.run([*command, str(manifest)], check=True, env=env)  # noqa: S603 our own program


def terms(contract: str, modality: str) -> str:
    """The line of a contract's text that binds one modality (its extractor, sizes and networks)."""
    lines = [line for line in contract.splitlines() if line.startswith(f"{modality} ")]
    if len(lines) != 1:
        raise ValueError(f"the contract has {len(lines)} lines for {modality}, expected one:\n{contract}")
    return lines[0]


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_text(root: Path) -> Path:
    """Manifest of the MOSI segments with their times, and of the beginnings of the test segments; a video is a track.

    A beginning is a text of its own: the encoder must not have read on.
    """
    rows = [(s.id, s.video, s.text, f"{s.start:.6f}", f"{s.end:.6f}") for s in mosi.segments()]
    for share in BEGINNINGS:
        for s in mosi.segments("test"):
            begun = mosi.beginning(s.text, share)
            rows.append((beginning_id(s.id, share), f"{s.video}@{share}", begun, f"{s.start:.6f}", f"{s.end:.6f}"))
    return _write(root / "text" / "text.csv", ("id", "track", "text", "start", "end"), rows)


def beginning_id(segment: str, share: float) -> str:
    """Id of the first `share` of a segment's words in the text manifest."""
    return f"{segment}@{share}"


def clip_id(clip: Clip, variant: int) -> str:
    """Id of a prepared clip in the audio manifest."""
    return f"{clip.id}#{variant}"


def write_audio(root: Path, jobs: int) -> Path:
    """Prepare the clips and write their manifest: one speaker's clips of one variant are one track.

    Their order is shuffled by the track's name. In the order of the corpus emotions come in blocks, and the running
    normalisation of a track would take the emotion away as if it were the speaker.
    """
    folder = root / "audio"
    clips = [*ravdess.clips(), *emodb.clips()]
    tasks, tracks = [], dict[str, list[tuple[str, str, str]]]()
    for clip in clips:
        for variant in range(prepare.VARIANTS):
            name = f"{prepare.VERSION}/{clip.id.replace('/', '-')}-{variant}.wav"
            track = f"{clip.speaker}#{variant}"
            tracks.setdefault(track, []).append((clip_id(clip, variant), track, name))
            if not (folder / name).exists():
                tasks.append((clip, variant, folder / name))
    (folder / prepare.VERSION).mkdir(parents=True, exist_ok=True)
    if tasks:
        progress = Progress("prepare audio", len(tasks))
        with ProcessPoolExecutor(jobs) as pool:
            for _ in pool.map(_prepare, tasks, chunksize=64):
                progress.step()
    rows = []
    for track, members in tracks.items():
        order = np.random.default_rng(zlib.crc32(track.encode())).permutation(len(members))
        rows += [members[i] for i in order]
    return _write(folder / "audio.csv", ("id", "track", "path"), rows)


def _prepare(task: tuple[Clip, int, Path]) -> None:
    clip, variant, path = task
    part = path.with_suffix(f".{os.getpid()}.wav")
    prepare.write(clip, variant, part)
    part.replace(path)


def write_video(root: Path) -> Path:
    """Write the faces of FER2013 as pictures, each a track of its own, and their manifest."""
    folder = root / "video"
    source = data_dir() / "fer2013"
    train, valid = fer.load_train(source)
    rows = []
    sides: dict[splits.Split, fer.Faces] = {"train": train, "valid": valid, "test": fer.load_test(source).faces}
    for split, faces in sides.items():
        (folder / split).mkdir(parents=True, exist_ok=True)
        for i, image in enumerate(faces.images):
            name = f"{split}/{i:05d}.png"
            if not (folder / name).exists():
                Image.fromarray(image).save(folder / name)
            rows.append((face_id(split, i), "", name, "1"))
    return _write(folder / "video.csv", ("id", "track", "path", "crop"), rows)


def write_talkers(root: Path) -> Path:
    """Manifest of the talking heads, each a track of its own: faces found and tracked as in serving."""
    paths = sorted(path for path in (data_dir() / "media").glob("*") if path.suffix in (".mp4", ".mpg"))
    return _write(root / "talkers" / "talkers.csv", ("id", "track", "path"), ((p.stem, "", str(p)) for p in paths))


def face_id(split: splits.Split, index: int) -> str:
    """Id of a face in the video manifest."""
    return f"{split}/{index:05d}"


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
    return path


def main() -> None:
    """Make the feature files that are missing or out of date."""
    parser = argparse.ArgumentParser(description="Extract the training features with bin/valence.")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    sets = features(jobs=parser.parse_args().jobs)
    for made in (sets.text, sets.audio, sets.video, sets.talkers):
        print(f"{made.modality}: {len(made.items)} items, {len(made.errors)} without vectors, {made.contract}")


if __name__ == "__main__":
    main()
