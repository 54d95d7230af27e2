"""What an encoder knows before any tuning: the mean of its word-piece vectors, and a reader that needs little data.

Read by a support vector machine (Drucker et al. 1997) they are worse than a fine-tuned encoder, and err elsewhere.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
import torch
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

from valence_training.data.sequences import Floats
from valence_training.paths import cache_dir
from valence_training.text.bert import WIDTH, Bert, load_onnx
from valence_training.text.regressor import pad, pieces
from valence_training.text.samples import batches
from valence_training.text.start import pretrained
from valence_training.text.trainer import LIMIT
from valence_training.text.wordpiece import WordPiece

BATCH = 32


def reader(strictness: float) -> Pipeline:
    """Return an SVR on standardised vectors; `strictness` is its C."""
    return Pipeline([("scale", StandardScaler()), ("svr", SVR(C=strictness, epsilon=0.3))])


def vectors(encoder: str, texts: Sequence[str]) -> Floats:
    """Return the mean vector of each text [N, 384], [CLS] and [SEP] left out; made once for the same texts."""
    digest = hashlib.sha256("\n".join(texts).encode()).hexdigest()[:12]
    file = cache_dir("text", encoder) / f"frozen-{digest}.npy"
    if not file.exists():
        part = file.with_suffix(".part.npy")
        np.save(part, _read(encoder, texts))
        part.replace(file)
    found: Floats = np.load(file)
    return found


@torch.no_grad()
def _read(encoder: str, texts: Sequence[str]) -> Floats:
    bert, wordpiece = Bert(), WordPiece(pretrained(encoder) / "tokenizer.json")
    load_onnx(bert, pretrained(encoder) / "model.onnx")
    bert.eval()
    encoded = [wordpiece.ids(text, LIMIT) for text in texts]
    out = np.zeros((len(texts), WIDTH), np.float32)
    for group in batches([len(ids) for ids in encoded], BATCH, None):
        ids, mask = pad([encoded[i] for i in group])
        weight = pieces(mask)
        total = torch.bmm(weight.unsqueeze(1), bert(ids, mask)).squeeze(1)
        out[group] = (total / weight.sum(dim=1, keepdim=True).clamp(min=1)).numpy()
    return out
