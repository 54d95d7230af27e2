"""Metrics of sentiment regression as the field computes them (thuiar/MMSA), so that figures can be compared."""

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

    def __str__(self) -> str:
        """Return one line for a log."""
        return (
            f"MAE {self.mae:.3f}  r {self.r:.3f}  non0 {self.non0:.1f}  has0 {self.has0:.1f}  Acc-7 {self.acc7:.1f}"
            f"  (n {self.count})"
        )

    def as_dict(self) -> dict[str, float]:
        """Return the figures by name."""
        return asdict(self)


def metrics(predicted: Floats, target: Floats) -> Metrics:
    """Compare predictions [N] with targets [N] in [-3, 3].

    non0 drops targets of zero and asks for y > 0, has0 keeps them and asks for y >= 0 on both sides; Acc-7 rounds to
    whole numbers (half to even) after clipping to +-3.
    """
    p, y = np.asarray(predicted, np.float64), np.asarray(target, np.float64)
    signed = y != 0
    flat = p.std() == 0 or y.std() == 0
    return Metrics(
        mae=float(np.abs(p - y).mean()),
        r=0.0 if flat else float(np.corrcoef(p, y)[0, 1]),
        non0=100 * float(((p > 0) == (y > 0))[signed].mean()),
        has0=100 * float(((p >= 0) == (y >= 0)).mean()),
        acc7=100 * float((np.round(p.clip(-3, 3)) == np.round(y.clip(-3, 3))).mean()),
        count=len(y),
    )


def concordance(predicted: Floats, target: Floats) -> float:
    """Concordance correlation of predictions [N] with targets [N], in [-1, 1] (Lin 1989); 0 where both are constant.

    Unlike r it also falls with a bias and with a wrong scale.
    """
    p, y = np.asarray(predicted, np.float64), np.asarray(target, np.float64)
    spread = p.var() + y.var() + (p.mean() - y.mean()) ** 2
    return float(2 * ((p - p.mean()) * (y - y.mean())).mean() / spread) if spread > 0 else 0.0
