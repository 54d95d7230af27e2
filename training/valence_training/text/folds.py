"""Compares settings of the MOSI stage by five folds over the 62 train and validation videos; the test stays shut.

    python -m valence_training.text.folds [--settings plain talk …]

Ten validation videos say little about a setting (their MAE has a standard error of .04), so every video is held out
once. All settings go on from the same general stage, which has met no MOSI. A cell (a setting, a fold) is trained for
all its epochs, without a choice of a checkpoint, and kept in the cache as JSON: a run that was stopped goes on with the
next cell. Beside MOSI stands EmoBank's dev split, r, mean over the folds: what the encoder still knows of other talk.
"""

import argparse
import hashlib
import json
import random
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from valence_training.data import mosi
from valence_training.metrics import Metrics, metrics
from valence_training.paths import cache_dir
from valence_training.text.finetune import (
    LIMIT,
    Config,
    Stage,
    State,
    Trainer,
    evaluate,
    general,
    make,
    predict,
    pretrained,
    talk,
)
from valence_training.text.samples import Corpora, Mixture
from valence_training.text.wordpiece import WordPiece

FOLDS = 5
PLAIN = Stage("mosi", 3, 2e-4, 5e-5, 4, Mixture())
REHEARSAL = Mixture(phrases=300, emobank=600)
SETTINGS = {
    "plain": PLAIN,
    "rehearsal": replace(PLAIN, mixture=REHEARSAL),
    "rehearsal, 6 epochs": replace(PLAIN, mixture=REHEARSAL, epochs=6),
    "rehearsal, joined": replace(PLAIN, mixture=replace(REHEARSAL, joined=300)),
    "rehearsal, 6 layers": replace(PLAIN, mixture=REHEARSAL, layers=6),
}


def folds(videos: Sequence[str], count: int = FOLDS) -> list[frozenset[str]]:
    """Return the videos in groups of like size, always the same ones."""
    order = sorted(set(videos))
    random.Random(0).shuffle(order)  # noqa: S311
    return [frozenset(order[i::count]) for i in range(count)]


def cell_file(config: Config, number: int) -> Path:
    """Return the file of a fold of a setting, named by all that it depends on."""
    digest = hashlib.sha256(json.dumps(asdict(config), sort_keys=True).encode()).hexdigest()[:12]
    return cache_dir("text", "folds") / f"{digest}-{number}.json"


def run_cell(trainer: Trainer, start: State, corpora: Corpora, number: int) -> dict[str, Any]:
    """Train on the other folds and return the scores of the segments of this one, with EmoBank's correlation."""
    model, wordpiece, stage = trainer.model, trainer.wordpiece, trainer.config.mosi
    rows = [*mosi.segments("train"), *mosi.segments("valid")]
    held_out = folds([row.video for row in rows])[number]
    test = [row for row in rows if row.video in held_out]
    model.load_tuned(start.weights)
    draw = corpora.draw(stage.mixture, [row for row in rows if row.video not in held_out])
    with tempfile.TemporaryDirectory() as scratch:
        trainer.run(stage, number + 1, draw, lambda: evaluate(model, wordpiece, test), Path(scratch) / "state.pt")
    scores = predict(model, [wordpiece.ids(row.text, LIMIT) for row in test])
    return {"score": dict(zip((row.id for row in test), scores.tolist(), strict=True)), "talk": talk(model, wordpiece)}


def summary(cells: list[dict[str, Any]], target: dict[str, float]) -> tuple[Metrics, float]:
    """Return the figures over all held-out segments, and the mean correlation on EmoBank."""
    score = {name: value for cell in cells for name, value in cell["score"].items()}
    pooled = metrics(np.array(list(score.values())), np.array([target[name] for name in score]))
    return pooled, float(np.mean([cell["talk"] for cell in cells]))


def main() -> None:
    """Train the cells that are not there yet and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--settings", nargs="+", choices=list(SETTINGS), default=list(SETTINGS))
    args = parser.parse_args()
    torch.set_num_threads(1)
    wordpiece = WordPiece(pretrained() / "tokenizer.json")
    model = make(Config())
    corpora = Corpora(Config().max_words)
    start = general(Trainer(Config(), model, wordpiece), corpora)
    target = {row.id: row.score for row in mosi.segments()}
    table: dict[str, list[dict[str, Any]]] = {name: [] for name in args.settings}
    for number in range(FOLDS):
        for name in args.settings:
            config = replace(Config(), mosi=SETTINGS[name])
            file = cell_file(config, number)
            if not file.exists():
                print(f"fold {number + 1} of {FOLDS}: {name}", file=sys.stderr, flush=True)
                cell = run_cell(Trainer(config, model, wordpiece), start, corpora, number)
                part = file.with_suffix(".part")
                part.write_text(json.dumps(cell), encoding="utf-8")
                part.replace(file)
            table[name].append(json.loads(file.read_text(encoding="utf-8")))
    for name, cells in table.items():
        figures, heard = summary(cells, target)
        print(f"{name:22}{figures}  EmoBank dev r {heard:.3f}")


if __name__ == "__main__":
    main()
