"""From the pretrained encoder to where MOSI begins, and how a model is measured on the way.

Film reviews (SST) bring what 1,284 MOSI segments cannot, and EmoBank all other talk. A stage of talk after that of the
reviews reads EmoBank best and MOSI worse, so MOSI begins between the two.
"""

import subprocess
from pathlib import Path

import numpy as np
import torch

from valence_training.data import emobank, mosi
from valence_training.metrics import Metrics, metrics
from valence_training.paths import REPO
from valence_training.text.bert import Bert, load_onnx
from valence_training.text.regressor import Regressor
from valence_training.text.samples import Corpora, batches
from valence_training.text.trainer import LIMIT, Config, State, Trainer
from valence_training.text.wordpiece import WordPiece


def pretrained(encoder: str = Config().encoder) -> Path:
    """Return the directory with the encoder's model.onnx and tokenizer.json, fetched if it is not in the cache."""
    command = [str(REPO / "scripts" / "fetch-encoder.sh"), encoder]
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603
    return Path(out.stdout.splitlines()[-1])


def make(config: Config) -> Regressor:
    """Return the pretrained encoder with a new head, made from the seed."""
    torch.manual_seed(config.seed)
    model = Regressor(Bert(tuned=config.tuned, dropout=config.dropout))
    load_onnx(model.bert, pretrained(config.encoder) / "model.onnx")
    return model


@torch.no_grad()
def predict(model: Regressor, encoded: list[list[int]]) -> np.ndarray:
    """Return the scores [N] of texts, in their order."""
    model.eval()
    out = np.zeros(len(encoded), np.float32)
    for group in batches([len(ids) for ids in encoded], 32, None):
        out[group] = model.read([encoded[i] for i in group]).numpy()
    return out


def evaluate(model: Regressor, wordpiece: WordPiece, rows: list[mosi.Segment]) -> Metrics:
    """Return the metrics of the model on segments of MOSI."""
    return metrics(predict(model, [wordpiece.ids(row.text, LIMIT) for row in rows]), np.array([r.score for r in rows]))


def talk(model: Regressor, wordpiece: WordPiece) -> float:
    """Return the correlation with the valence of EmoBank's dev split: how well it reads what is no film review."""
    rows = emobank.sentences("dev")
    predicted = predict(model, [wordpiece.ids(row.text, LIMIT) for row in rows])
    return metrics(predicted, np.array([row.valence for row in rows])).r


def before_mosi(trainer: Trainer, corpora: Corpora) -> State:
    """Run, or finish, the stages that meet no MOSI and return a point between their weights; MOSI only watches.

    Between a model and what it became by more training lie models that keep most of what each of them knows (Wortsman
    et al. 2022, Robust fine-tuning of zero-shot models).
    """
    config, model, valid = trainer.config, trainer.model, mosi.segments("valid")
    states = []
    for stage in (stage for stage in (config.general, config.talk) if stage.epochs):
        draw, file = corpora.draw(stage.mixture, []), config.shared(stage)
        states.append(trainer.run(stage, config.seed, draw, lambda: evaluate(model, trainer.wordpiece, valid), file))
        model.load_tuned(states[-1].weights)
    first, last = states[0].weights, states[-1].weights
    weights = {name: torch.lerp(first[name], last[name], config.talk_share) for name in first}
    return State(weights=weights, history=[line for state in states for line in state.history])
