"""Compares settings of the MOSI stage by five folds over the 62 train and validation videos; the test stays shut.

    python -m valence_training.text.folds [--settings shipped rehearsal …]

Ten validation videos say little about a setting, so every video is held out once. Settings that differ in the MOSI
stage alone go on from one state, which has met no MOSI. A cell (a setting, a fold) is trained for all its epochs,
without a choice of a checkpoint, and kept in the cache as JSON: a run that was stopped goes on in the same cell.
The teachers of a cell never met its fold either.
Beside MOSI stands EmoBank's dev split, r, mean over the folds: how well the encoder reads other talk.
"""

import argparse
import hashlib
import json
import shutil
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from valence_training.data import mosi
from valence_training.metrics import Metrics, metrics
from valence_training.paths import cache_dir
from valence_training.text.samples import Corpora, Mixture
from valence_training.text.start import before_mosi, evaluate, make, predict, pretrained, talk
from valence_training.text.teachers import lessons
from valence_training.text.trainer import LIMIT, Config, Stage, State, Trainer
from valence_training.text.wordpiece import WordPiece

FOLDS = 5
SHIPPED = Config()
ALONE = replace(SHIPPED, distil=None)
SLOWER = replace(ALONE, mosi=Stage("mosi", 3, 2e-4, 5e-5, 4, Mixture()))
LONGER = Mixture(sentences=9_000, phrases=20_000, emobank=8_000, max_words=30)
SETTINGS = {
    "shipped": SHIPPED,
    "no teachers": ALONE,
    "no rehearsal": replace(ALONE, mosi=replace(ALONE.mosi, mixture=Mixture())),
    "joined segments": replace(ALONE, mosi=replace(ALONE.mosi, mixture=replace(ALONE.mosi.mixture, joined=300))),
    "6 layers": replace(ALONE, mosi=replace(ALONE.mosi, layers=6)),
    "slower": SLOWER,
    "slower, no talk": replace(SLOWER, talk_share=0.0),
    "slower, half way": replace(SLOWER, talk_share=0.5),
    "longer, at once": replace(
        ALONE, general=replace(ALONE.general, epochs=3, mixture=LONGER), talk=replace(ALONE.talk, epochs=0)
    ),
    "no EmoBank": replace(
        ALONE,
        general=replace(ALONE.general, mixture=replace(ALONE.general.mixture, emobank=0)),
        talk=replace(ALONE.talk, epochs=0),
        mosi=replace(ALONE.mosi, mixture=Mixture()),
    ),
}


def cell_file(config: Config, number: int) -> Path:
    """Return the file of a fold of a setting, named by all that it depends on."""
    digest = hashlib.sha256(json.dumps(asdict(config), sort_keys=True).encode()).hexdigest()[:12]
    return cache_dir("text", "folds") / f"{digest}-{number}.json"


def run_cell(trainer: Trainer, start: State, corpora: Corpora, number: int, scratch: Path) -> dict[str, Any]:
    """Train on the other folds and return the scores of the segments of this one, with EmoBank's correlation."""
    model, wordpiece, stage = trainer.model, trainer.wordpiece, trainer.config.mosi
    rows = [*mosi.segments("train"), *mosi.segments("valid")]
    held_out = mosi.folds([row.video for row in rows], FOLDS)[number]
    test = [row for row in rows if row.video in held_out]
    known = [row for row in rows if row.video not in held_out]
    draw = lessons(trainer, start, corpora, known, test, scratch)
    model.load_tuned(start.weights)
    trainer.run(stage, number + 1, draw, lambda: evaluate(model, wordpiece, test), scratch / "state.pt")
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
    corpora = Corpora()
    target = {row.id: row.score for row in mosi.segments()}
    for name in args.settings:
        config = SETTINGS[name]
        missing = [n for n in range(FOLDS) if not cell_file(config, n).exists()]
        trainer = Trainer(config, make(config), wordpiece)
        start = before_mosi(trainer, corpora) if missing else State()
        for number in missing:
            print(f"{name}: fold {number + 1} of {FOLDS}", file=sys.stderr, flush=True)
            part, scratch = cell_file(config, number).with_suffix(".part"), cell_file(config, number).with_suffix("")
            scratch.mkdir(exist_ok=True)
            part.write_text(json.dumps(run_cell(trainer, start, corpora, number, scratch)), encoding="utf-8")
            part.replace(cell_file(config, number))
            shutil.rmtree(scratch)
        cells = [json.loads(cell_file(config, n).read_text(encoding="utf-8")) for n in range(FOLDS)]
        figures, heard = summary(cells, target)
        print(f"{name:18}{figures}  EmoBank dev r {heard:.3f}", flush=True)


if __name__ == "__main__":
    main()
