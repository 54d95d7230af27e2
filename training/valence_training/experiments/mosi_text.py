"""MOSI, words alone: what needs no fine-tuning, on the official split, beside which any net must stand.

    python -m valence_training.experiments.mosi_text

The median, VADER (Hutto & Gilbert 2014), a linear SVR on TF-IDF and VADER, and an SVR on the mean word-piece vector of
the pretrained encoder. C is chosen by five folds over the videos of train and valid; then the test is predicted once.
All are deterministic. Writes results/mosi-text.json; the fine-tuned runs come from `valence_training.text.seeds`.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import LinearSVR
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from valence_training.data import mosi
from valence_training.data.sequences import Floats
from valence_training.experiments.cells import Cell, Result, run, write
from valence_training.metrics import metrics
from valence_training.text.frozen import reader, vectors
from valence_training.text.trainer import Config

FOLDS, ENCODER = 5, Config().encoder
MODELS = ("median", "VADER", "TF-IDF + VADER, linear SVR", "frozen bge-small, mean, SVR")


def cell(model: str) -> Cell:
    """One model on the official split."""
    return Cell("mosi-text", {"data": "mosi", "model": model, "folds": FOLDS}, lambda: {"predicted": predict(model)})


def predict(model: str) -> list[float]:
    """Scores of the test segments, in the order of the file."""
    known, test = [*mosi.segments("train"), *mosi.segments("valid")], mosi.segments("test")
    target, videos = np.array([s.score for s in known]), [s.video for s in known]
    texts, asked = [s.text for s in known], [s.text for s in test]
    if model == "median":
        scores = np.full(len(test), np.median([s.score for s in mosi.segments("train")]))
    elif model == "VADER":
        scores = 3 * vader(asked)[:, 3]
    elif model == "TF-IDF + VADER, linear SVR":
        scores = _chosen(_words(), "svr__C", np.logspace(-2, 1, 7), texts, target, videos).predict(asked)
    else:
        known_vectors, asked_vectors = (vectors(ENCODER, some) for some in (texts, asked))
        line = _chosen(reader(1.0), "svr__C", np.logspace(-1, 2, 4), known_vectors, target, videos)
        scores = line.predict(asked_vectors)
    rounded: list[float] = np.asarray(scores, np.float64).clip(-3, 3).round(4).tolist()
    return rounded


def vader(texts: Sequence[str]) -> Floats:
    """Negative, neutral, positive and compound score of each text, lower-cased: capitals would count as shouting."""
    analyser = SentimentIntensityAnalyzer()
    rows = [analyser.polarity_scores(_apostrophes(text.lower())) for text in texts]
    return np.array([[row[k] for k in ("neg", "neu", "pos", "compound")] for row in rows], np.float32)


def _words() -> Pipeline:
    """TF-IDF of one and two words beside VADER's four numbers, then a linear SVR."""
    lexicon = FunctionTransformer(lambda texts: sparse.csr_matrix(vader(texts)))
    words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    both = FeatureUnion(
        [("words", words), ("vader", Pipeline([("numbers", lexicon), ("scale", StandardScaler(with_mean=False))]))]
    )
    return Pipeline([("features", both), ("svr", LinearSVR(epsilon=0.1, max_iter=20_000, random_state=0))])


def _chosen(
    line: Pipeline,
    name: str,
    values: NDArray[np.float64],
    x: Any,  # noqa: ANN401
    target: NDArray[np.float64],
    videos: Sequence[str],
) -> Any:  # noqa: ANN401
    """The pipeline with the setting of the lowest MAE over folds of videos, fitted on all."""
    search = GridSearchCV(line, {name: values}, scoring="neg_mean_absolute_error", cv=GroupKFold(FOLDS))
    return search.fit(x, target, groups=videos)


_CLITIC = re.compile(r"\b(do|does|did|is|was|are|were|would|could|should|has|have|had|wo|ca)nt\b")


def _apostrophes(text: str) -> str:
    """MOSI writes DIDNT; VADER knows the negation as didn't."""
    return _CLITIC.sub(r"\1n't", text)


def main() -> None:
    """Run what is missing and write results/mosi-text.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    torch.set_num_threads(1)
    cells = [cell(model) for model in MODELS]
    run(cells, "mosi-text")
    test = mosi.segments("test")
    target = [s.score for s in test]
    rows: list[Result] = []
    for model, made in zip(MODELS, cells, strict=True):
        result = made.result()
        assert result is not None  # noqa: S101 it was run above
        rows.append({"model": model, "predicted": [result["predicted"]]})
        print(f"{model:30} {metrics(np.array(result['predicted']), np.array(target))}", file=sys.stderr)
    write("mosi-text", rows, target=target, group=[s.video for s in test], id=[s.id for s in test])


if __name__ == "__main__":
    main()
