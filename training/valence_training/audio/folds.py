"""What the voice alone is worth, on speakers, a language and a sentence that the net has not met.

    python -m valence_training.audio.folds [--seeds 1 2 3]

Cells of a seed, each a training of its own with the settings of the shipped start and no choice of a checkpoint:

- `fold-0` to `fold-5`: without four actors of RAVDESS and, but for the last, two speakers of EMO-DB, who are the test;
- `cross-ravdess`, `cross-emodb`: trained on the one corpus, tested on all of the other;
- `sentence-01-0` to `sentence-02-2`: trained without that sentence of RAVDESS and without eight actors, tested on that
  sentence of those actors.

Clips are tested unvaried, each inside its speaker's track: normalised by what the track did before. The folds are also
tested with each speaker on one drawn line of a call (`line.py`). A cell is written to the cache as it is done, with the
answer to every clip; the summary is made of these.

The settings were chosen by inner folds over the training speakers of the shipped split (`splits.py`); what the others
(actors 17 to 24, speakers 14 to 16) alone give is in the summary as `settings unseen`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from valence_training.audio.scoring import Answer, answers, figures
from valence_training.audio.train import TrainConfig, Trainer, run_folder
from valence_training.data import emodb, splits
from valence_training.extract import audio_features
from valence_training.fairness import SEXES, sex
from valence_training.fusion import material
from valence_training.fusion.material import Voice
from valence_training.paths import cache_dir

SEEDS = (1, 2, 3)
UNVARIED, ON_A_LINE = 0, 1
"""The variants that are tested."""

SENTENCES = ("01", "02")
SENTENCE_GROUPS = 3


@dataclass(frozen=True)
class Cell:
    """One training: who and what it is tested on, and what it is trained on."""

    name: str
    test: Callable[[Voice], bool]
    train: Callable[[Voice], bool]


def cells() -> list[Cell]:
    """All cells of a seed."""
    return [
        *(_unseen(number) for number in range(splits.FOLDS)),
        *(_across(known) for known in ("ravdess", "emodb")),
        *(_said(sentence, group) for sentence in SENTENCES for group in range(SENTENCE_GROUPS)),
    ]


def _unseen(number: int) -> Cell:
    out = splits.fold(number) | frozenset(emodb.SPEAKERS[2 * number : 2 * number + 2])
    return Cell(f"fold-{number}", lambda v: v.speaker in out, lambda v: v.speaker not in out)


def _across(known: str) -> Cell:
    return Cell(f"cross-{known}", lambda v: v.clip.corpus != known, lambda v: v.clip.corpus == known)


def _said(sentence: str, group: int) -> Cell:
    """Tested on one sentence of eight actors, trained on the other of the rest, and on EMO-DB."""
    out = splits.fold(2 * group) | splits.fold(2 * group + 1)

    def says(voice: Voice) -> bool:
        return (voice.clip.corpus, voice.clip.sentence) == ("ravdess", sentence)

    return Cell(
        f"sentence-{sentence}-{group}",
        lambda v: v.speaker in out and says(v),
        lambda v: v.speaker not in out and not says(v),
    )


def run(cell: Cell, config: TrainConfig, voices: Sequence[Voice], folder: Path) -> list[Answer]:
    """The answers of a cell: as they were written, or trained for now."""
    path = folder / f"{cell.name}.json"
    if not path.exists():
        trained = Trainer(config, [v for v in voices if cell.train(v)])
        checkpoint = folder / f"{cell.name}.pt"
        net = trained.run(checkpoint, f"seed {config.seed} {cell.name}")
        found = answers(net, [v for v in voices if v.variant in (UNVARIED, ON_A_LINE) and cell.test(v)])
        part = path.with_suffix(".part")
        part.write_text(json.dumps([asdict(answer) for answer in found]))
        part.replace(path)
        checkpoint.unlink()
    return [Answer(**row) for row in json.loads(path.read_text())]


def of_seed(answered: dict[str, list[Answer]], truth: dict[str, Voice]) -> dict[str, float]:
    """The figures of one seed, by name; `answered` by cell, `truth` the voices by the id of their clip.

    A figure over folds is of all answers together. `fold mean` is the mean over the folds, as others report it.
    """
    unvaried = {name: [a for a in some if a.variant == UNVARIED] for name, some in answered.items()}
    unseen, groups = _of_kind(unvaried, "fold"), {}
    for title, corpus in (("RAVDESS", "ravdess"), ("EMO-DB", "emodb")):
        groups[title] = [a for a in unseen if truth[a.clip].clip.corpus == corpus]
        for people, one in zip(("women", "men"), SEXES, strict=True):
            groups[f"{title}, {people}"] = [a for a in groups[title] if sex(truth[a.clip].speaker) == one]
        groups[f"{title}, settings unseen"] = [
            a for a in groups[title] if splits.of_speaker(truth[a.clip].clip) != "train"
        ]
        lines = [a for a in _of_kind(answered, "fold") if a.variant == ON_A_LINE]
        groups[f"{title}, on a line"] = [a for a in lines if truth[a.clip].clip.corpus == corpus]
    groups["RAVDESS -> EMO-DB"], groups["EMO-DB -> RAVDESS"] = unvaried["cross-ravdess"], unvaried["cross-emodb"]
    groups["RAVDESS, new sentence"] = _of_kind(unvaried, "sentence")
    found: dict[str, float] = {}
    for name, some in groups.items():
        found |= {f"{name}: {kind}": value for kind, value in figures(some, truth).items()}
    parts = [
        figures([a for a in unvaried[f"fold-{n}"] if a.clip.startswith("ravdess/")], truth) for n in range(splits.FOLDS)
    ]
    for kind in ("polarity", "emotion"):
        over = [part[kind] for part in parts]
        found[f"RAVDESS: {kind}, fold mean"] = float(np.mean(over))
        found[f"RAVDESS: {kind}, deviation over folds"] = float(np.std(over, ddof=1))
    return found


def _of_kind(answered: dict[str, list[Answer]], kind: str) -> list[Answer]:
    return [a for name, some in answered.items() if name.startswith(kind) for a in some]


def summary(seeds: Sequence[dict[str, float]]) -> dict[str, dict[str, Any]]:
    """Mean, standard deviation (0 for one seed) and single values of every figure."""
    return {
        name: {
            "mean": float(np.mean(values := [seed[name] for seed in seeds])),
            "deviation": float(np.std(values, ddof=1)) if len(values) > 1 else 0.0,
            "seeds": values,
        }
        for name in seeds[0]
    }


def table(found: dict[str, dict[str, Any]]) -> str:
    """The summary as lines."""
    return "\n".join(f"{name:45}{f['mean']:6.1f} ± {f['deviation']:.1f}" for name, f in found.items())


def main() -> None:
    """Run the cells that are not done yet, and summarise."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--jobs", type=int, default=1, help="cores for the extraction of features")
    args = parser.parse_args()
    torch.set_num_threads(1)
    features = audio_features(jobs=args.jobs)
    voices = material.voices(features)
    truth = {v.clip.id: v for v in voices if v.variant == 0}
    configs = [TrainConfig(seed=seed) for seed in args.seeds]
    answered: list[dict[str, list[Answer]]] = [{} for _ in configs]
    for cell in cells():
        for config, found in zip(configs, answered, strict=True):
            found[cell.name] = run(cell, config, voices, run_folder(features, config))
    figured = summary([of_seed(found, truth) for found in answered])
    (cache_dir("train", "audio") / "folds.json").write_text(json.dumps(figured, indent=2) + "\n")
    print(table(figured), file=sys.stderr)


if __name__ == "__main__":
    main()
