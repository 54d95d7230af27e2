"""The teachers of a student: fine-tuned models of several encoders and seeds, and the mean of what they say.

Models of one encoder that differ in the seed alone err alike; those of another encoder (e5-small) err less so, and with
them the mean gains more. The teachers train on the student's own segments only, so whoever is held out from the
student is held out from them.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from valence_training.data import mosi
from valence_training.text.distil import Material
from valence_training.text.samples import Corpora, Draw
from valence_training.text.start import before_mosi, evaluate, make, predict, pretrained
from valence_training.text.trainer import LIMIT, Config, State, Trainer
from valence_training.text.wordpiece import WordPiece


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
    material = Material.gather(config.distil, corpora, rows, config.seed)
    file = directory / "taught.npy"
    if not file.exists():
        said = []
        for encoder in config.distil.encoders:
            trainer, begin = (student, start) if encoder == config.encoder else other(config, encoder, corpora)
            for number in range(config.distil.seeds):
                train(trainer, begin, number, corpora.draw(config.mosi.mixture, rows), watched, directory)
                encoded = [trainer.wordpiece.ids(sample.forms[0], LIMIT) for sample in material.samples]
                said.append(predict(trainer.model, encoded))
        part = file.with_suffix(".part.npy")
        np.save(part, np.mean(said, axis=0))
        part.replace(file)
    return material.taught(config.distil, np.load(file))


def other(config: Config, encoder: str, corpora: Corpora) -> tuple[Trainer, State]:
    """Return a trainer of another encoder and where MOSI begins for it: after one epoch of reviews and talk."""
    general, talk = replace(config.general, epochs=1), replace(config.talk, epochs=0)
    config = replace(config, encoder=encoder, general=general, talk=talk)
    trainer = Trainer(config, make(config), WordPiece(pretrained(encoder) / "tokenizer.json"))
    return trainer, before_mosi(trainer, corpora)


def train(
    trainer: Trainer, start: State, number: int, draw: Draw, watched: list[mosi.Segment], directory: Path
) -> None:
    """Train one teacher, or load it, for all epochs of the MOSI stage: only a student's checkpoint is chosen."""
    config, model = trainer.config, trainer.model
    model.load_tuned(start.weights)
    seed = 1_000 * (config.repeat + 1) + number  # none that a student has
    file = directory / f"teacher-{config.encoder}-{seed}.pt"
    state = trainer.run(config.mosi, seed, draw, lambda: evaluate(model, trainer.wordpiece, watched), file)
    model.load_tuned(state.weights)
