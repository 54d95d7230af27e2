"""Metrics of sentiment regression as the field computes them (thuiar/MMSA), so that figures can be compared."""

import math
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Metrics:
    """Figures of one set of predictions on the MOSI scale; accuracies in percent."""

    mae: float
    r: float
    non0: float
    has0: float
    acc7: float
    count: int
    acc5: float = math.nan
    f1_non0: float = math.nan
    f1_has0: float = math.nan

    def __str__(self) -> str:
        """Return one line for a log."""
        return (
            f"MAE {self.mae:.3f}  r {self.r:.3f}  non0 {self.non0:.1f}  has0 {self.has0:.1f}  Acc-7 {self.acc7:.1f}"
            f"  (n {self.count})"
        )

    def as_dict(self) -> dict[str, float]:
        """Return the figures by name."""
        return asdict(self)


def _accuracy(p: Floats, y: Floats, limit: int) -> float:
    return 100 * float((np.round(p.clip(-limit, limit)) == np.round(y.clip(-limit, limit))).mean())


def _weighted_f1(guess: npt.NDArray[np.bool_], truth: npt.NDArray[np.bool_]) -> float:
    """Mean of F1 of both classes, each weighted by its share of the truth, in percent."""
    total = 0.0
    for label in (False, True):
        right = float(((guess == label) & (truth == label)).sum())
        either = float((guess == label).sum() + (truth == label).sum())
        total += (2 * right / either if either else 0.0) * float((truth == label).mean())
    return 100 * total


def metrics(predicted: Floats, target: Floats) -> Metrics:
    """Compare predictions [N] with targets [N] in [-3, 3].

    non0 drops targets of zero and asks for y > 0, has0 keeps them and asks for y >= 0 on both sides; F1 of both is
    weighted by the size of the classes. Acc-7 rounds to whole numbers (half to even) after clipping to +-3, Acc-5 to
    +-2.
    """
    p, y = np.asarray(predicted, np.float64), np.asarray(target, np.float64)
    signed = y != 0
    above, at_least = (p > 0, y > 0), (p >= 0, y >= 0)
    flat = p.std() == 0 or y.std() == 0
    return Metrics(
        mae=float(np.abs(p - y).mean()),
        r=0.0 if flat else float(np.corrcoef(p, y)[0, 1]),
        non0=100 * float((above[0] == above[1])[signed].mean()),
        has0=100 * float((at_least[0] == at_least[1]).mean()),
        acc7=_accuracy(p, y, 3),
        acc5=_accuracy(p, y, 2),
        f1_non0=_weighted_f1(above[0][signed], above[1][signed]),
        f1_has0=_weighted_f1(*at_least),
        count=len(y),
    )


def concordance(predicted: Floats, target: Floats) -> float:
    """Concordance correlation of predictions [N] with targets [N], in [-1, 1] (Lin 1989); 0 where both are constant.

    Unlike r it also falls with a bias and with a wrong scale.
    """
    p, y = np.asarray(predicted, np.float64), np.asarray(target, np.float64)
    spread = p.var() + y.var() + (p.mean() - y.mean()) ** 2
    return float(2 * ((p - p.mean()) * (y - y.mean())).mean() / spread) if spread > 0 else 0.0
