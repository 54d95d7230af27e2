"""Open the test split: `python -m valence_training.face.report`, once, after the last decision.

Prints the quality of the bundle's weights on the official FER2013 test split, whole and without the
images that also occur in the training split or twice in the test split (see data/fer.py), and writes
it to the cache for the model card. No training image equals a test image in either case.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import numpy as np
import torch

from valence_training import paths
from valence_training.data import fer
from valence_training.face.export import averaged_net
from valence_training.face.metrics import Quality, evaluate, predict
from valence_training.face.model import FaceNet

_RESAMPLES = 1000


@dataclass(frozen=True)
class Report:
    """Quality on the whole test split, on its unique images, and the standard error of the three-way UAR."""

    whole: Quality
    unique: Quality
    unique_uar_error: float


def report(net: FaceNet, test: fer.Test) -> Report:
    """Quality of `net` on the test split."""
    unique = test.faces.take(test.unique)
    return Report(evaluate(net, test.faces), evaluate(net, unique), _uar_error(net, unique))


def _uar_error(net: FaceNet, faces: fer.Faces) -> float:
    """Standard deviation of the three-way UAR over bootstrap samples of the images."""
    faces = faces.take(faces.polarity != fer.NO_POLARITY)
    _, guess = predict(net, faces)
    rng = np.random.default_rng(0)
    uar = []
    for _ in range(_RESAMPLES):
        chosen = rng.integers(0, len(faces), len(faces))
        right = guess[chosen] == faces.polarity[chosen]
        uar.append(np.mean([right[faces.polarity[chosen] == i].mean() for i in range(len(fer.POLARITIES))]))
    return float(np.std(uar))


def main() -> None:
    """Command line."""
    torch.set_num_threads(1)
    folder = paths.cache_dir("face")
    result = report(averaged_net(folder / "checkpoint.pt"), fer.load_test(paths.data_dir() / "fer2013"))
    (folder / "report.json").write_text(json.dumps(asdict(result), indent=1) + "\n")
    for name, quality in (("whole", result.whole), ("without duplicates", result.unique)):
        print(f"{name}, {quality.faces} faces: {quality.line()}")
        print("  " + ", ".join(f"{emotion} {100 * recall:.0f}" for emotion, recall in quality.emotion_recall.items()))
    print(f"standard error of the three-way UAR: {100 * result.unique_uar_error:.1f} points")


if __name__ == "__main__":
    main()
