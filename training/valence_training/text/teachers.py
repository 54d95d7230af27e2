"""The teachers of a student: fine-tuned models of several encoders, a reader of the untuned ones, and what they say.

Models of one encoder that differ in the seed alone err alike; those of another encoder (e5-small) err less so, and a
reader of untuned encoders (frozen.py) less still: with them the mean gains more. All train on the student's own
segments only, so whoever is held out from the student is held out from them.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from valence_training.data import mosi
from valence_training.text.distil import Distil, Material
from valence_training.text.frozen import reader, vectors
from valence_training.text.samples import Corpora, Draw
from valence_training.text.start import before_mosi, evaluate, make, predict, pretrained
from valence_training.text.trainer import LIMIT, Config, State, Trainer
from valence_training.text.wordpiece import WordPiece

STRICTNESS = 3.0
"""C of the reader of untuned encoders."""
PARTS = 5
"""Of the videos: each is read by a reader that trained without its part, since one repeats the labels that it met."""

Scores = NDArray[np.float32]


def lessons(
    student: Trainer,
    start: State,
    corpora: Corpora,
    rows: list[mosi.Segment],
    watched: list[mosi.Segment],
    directory: Path,
) -> Draw:
    """Return what the student's MOSI stage trains on, taught by models whose states are in the directory, or will be.

    `rows` are the segments to learn from; `watched` ones are only measured on, as each teacher trains. A teacher of the
    student's encoder goes on from the student's start, in its very model, which has other weights afterwards.
    """
    config = student.config
    if config.distil is None:
        return corpora.draw(config.mosi.mixture, rows)
    material = Material.gather(config.distil, corpora, rows, mosi.words(), config.seed)
    file = directory / "taught.npy"
    if not file.exists():
        tuned = []
        for encoder in config.distil.encoders:
            trainer, begin = (student, start) if encoder == config.encoder else other(config, encoder, corpora)
            train(trainer, begin, corpora.draw(config.mosi.mixture, rows), watched, directory)
            encoded = [trainer.wordpiece.ids(text.sample.forms[0], LIMIT) for text in material.texts]
            tuned.append(predict(trainer.model, encoded))
        share = config.distil.untuned
        part = file.with_suffix(".part.npy")
        np.save(part, (1 - share) * np.mean(tuned, axis=0) + share * untuned(config.distil, material))
        part.replace(file)
    return material.taught(config.distil, np.load(file))


def untuned(distil: Distil, material: Material) -> Scores:
    """What readers of the untuned encoders say [N]: of a video the one trained without it, else the mean of all."""
    texts = [text.sample.forms[0] for text in material.texts]
    x = np.concatenate([vectors(encoder, texts) for encoder in distil.encoders], axis=1)
    y = np.array([text.sample.score for text in material.segments])
    said, inside = [], []
    for part in mosi.folds([text.video for text in material.segments], PARTS):
        known = np.flatnonzero([text.video not in part for text in material.segments])
        said.append(reader(STRICTNESS).fit(x[known], y[known]).predict(x))
        inside.append([text.video in part for text in material.texts])
    out: Scores = np.where(np.any(inside, axis=0), np.sum(np.multiply(said, inside), axis=0), np.mean(said, axis=0))
    return out


def other(config: Config, encoder: str, corpora: Corpora) -> tuple[Trainer, State]:
    """Return a trainer of another encoder and where MOSI begins for it: after one epoch of reviews and talk."""
    general, talk = replace(config.general, epochs=1), replace(config.talk, epochs=0)
    config = replace(config, encoder=encoder, general=general, talk=talk)
    trainer = Trainer(config, make(config), WordPiece(pretrained(encoder) / "tokenizer.json"))
    return trainer, before_mosi(trainer, corpora)


def train(trainer: Trainer, start: State, draw: Draw, watched: list[mosi.Segment], directory: Path) -> None:
    """Train one teacher, or load it, for all epochs of the MOSI stage: only a student's checkpoint is chosen."""
    config, model = trainer.config, trainer.model
    model.load_tuned(start.weights)
    seed = 1_000 * (config.repeat + 1)  # none that a student has
    file = directory / f"teacher-{config.encoder}-{seed}.pt"
    state = trainer.run(config.mosi, seed, draw, lambda: evaluate(model, trainer.wordpiece, watched), file)
    model.load_tuned(state.weights)
