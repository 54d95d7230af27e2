"""MMMO: this project's net, its ablations, and the field's nets on real aligned audio and video.

    python -m valence_training.experiments.mmmo [--models ours MulT ...] [--repetitions 1]

Five times ten folds over the videos. In each fold the checkpoint is chosen by the MAE on an inner validation fold; the
test fold is predicted once. All nets have the same features, folds and budget; text is absent for all.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from functools import cache

import numpy as np
import torch
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

from valence_training.data import mmmo
from valence_training.data.sequences import Floats, Sequences
from valence_training.experiments import peers
from valence_training.experiments.cells import Cell, Result, write
from valence_training.experiments.cells import run as run_cells
from valence_training.experiments.folds import Fold, folds
from valence_training.sequences.batches import clips
from valence_training.sequences.fusion import FusionLearner, Settings
from valence_training.sequences.loop import Budget, Learner, fit, predict

REPETITIONS, FOLDS = 5, 10
BUDGET = Budget(epochs=40, patience=10, batch=32)

OURS = "ours"
ABLATIONS: dict[str, Settings] = {
    OURS: Settings(),
    "no DWA": Settings(net={"dynamic_weight": "none"}),
    "scalar DWA": Settings(net={"dynamic_weight": "scalar"}),
    "no MD": Settings(momentum=False),
    "MD without polarity": Settings(polarity=False),
    "no co-attention": Settings(net={"coattention": False}),
    "with the shipped net's anchor": Settings(net={"anchor": True}),
}
BASELINES = ("median", "SVR on means and deviations")
PEERS = (*BASELINES, *peers.NETS, OURS)
MODELS = (*PEERS, *(name for name in ABLATIONS if name != OURS))


@cache
def data() -> Sequences:
    """All clips."""
    return mmmo.load()


def cells(models: tuple[str, ...], repetitions: int = REPETITIONS) -> list[Cell]:
    """Cells of the models, one repetition of all after the other, so that what is there can be compared."""
    return [
        cell(model, repetition, fold) for repetition in range(repetitions) for model in models for fold in range(FOLDS)
    ]


def cell(model: str, repetition: int, fold: int) -> Cell:
    """One model on one fold."""
    settings = {"data": "mmmo", "model": model, "repetition": repetition, "fold": fold}
    if model not in BASELINES:
        settings["budget"] = asdict(BUDGET)
    if model in ABLATIONS:
        ours = ABLATIONS[model]
        whole = {key: value for key, value in asdict(ours.config(())).items() if key != "shapes"}
        settings["settings"] = asdict(ours) | {"net": whole}
    if model in peers.RATES:
        settings["rate"] = peers.RATES[model]
    return Cell("mmmo", settings, lambda: run(model, repetition, fold))


def run(model: str, repetition: int, fold: int) -> Result:
    """Train and predict the test fold; `rows` are indices into the data."""
    part = folds(data().group, FOLDS, repetition)[fold]
    if model in BASELINES:
        predicted = _baseline(model, part)
        return {"rows": part.test.tolist(), "predicted": predicted.round(4).tolist()}
    train = data().take(part.train)
    seed = 1 + repetition * FOLDS + fold
    ours = ABLATIONS.get(model)
    learner: Learner = FusionLearner(ours, train, seed) if ours else peers.Peer(model, train, seed)
    everything = clips(data())
    budget = Budget(**asdict(BUDGET) | {"seed": seed})
    state = fit(learner, everything.take(part.train), everything.take(part.valid), budget)
    return {
        "rows": part.test.tolist(),
        "predicted": predict(learner, everything.take(part.test)).numpy().astype(float).round(4).tolist(),
        "valid_mae": round(state.best, 4),
        "best_epoch": state.best_epoch,
        "parameters": sum(p.numel() for p in learner.parameters() if p.requires_grad),
    }


def _baseline(model: str, part: Fold) -> Floats:
    """The median of the known clips, or an SVR on mean and deviation of each feature, C by folds over the known."""
    known = np.concatenate([part.train, part.valid])
    target = data().target
    if model == "median":
        return np.full(len(part.test), np.median(target[known]), np.float32)
    x = np.concatenate([_statistics(*s) for s in data().streams[1:]], axis=1)
    line = make_pipeline(StandardScaler(), SVR(epsilon=0.3))
    search = GridSearchCV(line, {"svr__C": np.logspace(-1, 1.5, 6)}, scoring="neg_mean_absolute_error", cv=5)
    predicted: Floats = search.fit(x[known], target[known]).predict(x[part.test]).clip(-3, 3).astype(np.float32)
    return predicted


def _statistics(values: Floats, mask: np.ndarray) -> Floats:
    """Mean and deviation of each feature over the valid steps [N, 2 D]."""
    return np.stack([np.concatenate([v[m].mean(axis=0), v[m].std(axis=0)]) for v, m in zip(values, mask, strict=True)])


def rows() -> list[Result]:
    """What is there of every model, one row each: the repetitions that are complete.

    `predicted` by repetition and clip, each clip by the fold that tested it; `best_epoch` of every cell.
    """
    found = []
    for model in MODELS:
        results = [
            [cell(model, repetition, fold).result() for fold in range(FOLDS)] for repetition in range(REPETITIONS)
        ]
        done = [[r for r in row if r is not None] for row in results if None not in row]
        if done:
            epochs = [r["best_epoch"] for row in done for r in row if "best_epoch" in r]
            found.append(
                {
                    "model": model,
                    "predicted": [_joined(row) for row in done],
                    "parameters": done[0][0].get("parameters", 0),
                    "best_epoch": epochs,
                }
            )
    return found


def _joined(repetition: list[Result]) -> list[float]:
    """Predictions of all clips in their order."""
    predicted = np.full(len(data()), np.nan)
    for result in repetition:
        predicted[result["rows"]] = result["predicted"]
    return [float(score) for score in predicted]


def main() -> None:
    """Run the cells that are missing and write results/mmmo.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=PEERS)
    parser.add_argument("--repetitions", type=int, default=REPETITIONS, choices=range(1, REPETITIONS + 1))
    args = parser.parse_args()
    torch.set_num_threads(1)
    run_cells(cells(tuple(args.models), args.repetitions), "mmmo")
    write("mmmo", rows(), target=data().target.astype(float).round(4).tolist(), group=list(data().group))


if __name__ == "__main__":
    main()
