"""Systems that met the same clips, side by side: figures over seeds or repetitions, and paired differences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from valence_training.experiments.bootstrap import Difference, paired, standard_error
from valence_training.experiments.markdown import names, spread, table
from valence_training.metrics import metrics

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class System:
    """Predictions [R, N] of a system, R seeds or repetitions; trainable parameters if that means something."""

    name: str
    predicted: Floats
    parameters: int = 0


@dataclass(frozen=True)
class Clips:
    """What was asked: targets [N] and the group (video) of each clip."""

    target: Floats
    group: tuple[str, ...]

    def errors(self, system: System) -> Floats:
        """Absolute error of each clip, the mean over the repetitions [N]."""
        return np.abs(system.predicted - self.target).mean(axis=0)


def same_repetitions(systems: Sequence[System]) -> list[System]:
    """Each system with as many repetitions as all have."""
    count = min(len(system.predicted) for system in systems)
    return [System(s.name, s.predicted[:count], s.parameters) for s in systems]


def figures(systems: Sequence[System], clips: Clips, reference: System, against: str) -> list[str]:
    """A table of the systems; the last column is the MAE minus the reference's ± standard error over groups."""
    head = ["", "MAE", "± over videos", "r", "Acc-2 non0 / has0", "F1 non0 / has0", "Acc-5", "Acc-7", against]
    rows = []
    for system in systems:
        found = [metrics(run, clips.target) for run in system.predicted]
        error = clips.errors(system)
        gap = None if system is reference else paired(error, clips.errors(reference), clips.group)
        rows.append(
            [
                system.name,
                spread([m.mae for m in found], 3),
                f"{standard_error(clips.group, lambda at, e=error: float(e[at].mean())):.3f}",  # type: ignore[misc]
                spread([m.r for m in found], 3),
                f"{np.mean([m.non0 for m in found]):.1f} / {np.mean([m.has0 for m in found]):.1f}",
                f"{np.mean([m.f1_non0 for m in found]):.1f} / {np.mean([m.f1_has0 for m in found]):.1f}",
                f"{np.mean([m.acc5 for m in found]):.1f}",
                spread([m.acc7 for m in found], 1),
                _signed(gap),
            ]
        )
    return table(head, rows)


def best(systems: Sequence[System], clips: Clips) -> System:
    """The system of the lowest MAE; the first of equals."""
    return min(systems, key=lambda system: float(clips.errors(system).mean()))


def verdict(systems: Sequence[System], clips: Clips) -> str:
    """Who is ahead and who cannot be told from it: within two standard errors nobody is ranked."""
    first = best(systems, clips)
    gaps = {s.name: paired(clips.errors(s), clips.errors(first), clips.group) for s in systems if s is not first}
    near = [name for name, gap in gaps.items() if gap.mean <= 2 * gap.error]
    far = [name for name, gap in gaps.items() if gap.mean > 2 * gap.error]
    unranked = f"within two standard errors of it, so unranked: {names(near)}" if near else "nobody is near it"
    behind = f"; behind it: {names(far)}" if far else ""
    return f"Lowest MAE: **{first.name}**; {unranked}{behind}."


def _signed(gap: Difference | None) -> str:
    return "" if gap is None else f"{gap.mean:+.3f} ± {gap.error:.3f}"
