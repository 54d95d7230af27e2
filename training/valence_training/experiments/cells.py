"""Cells: the smallest pieces of an experiment, each one JSON file named by a hash of its settings.

A run makes the cells that are not there yet, so it can be stopped at any time and goes on where it was. Another setting
is another file; nothing is ever overwritten.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from valence_training.paths import cache_dir
from valence_training.progress import Progress

Result = dict[str, Any]


@dataclass(frozen=True)
class Cell:
    """One run: what it depends on (JSON, stated in the file too) and how to do it."""

    experiment: str
    settings: dict[str, Any]
    run: Callable[[], Result]

    @property
    def path(self) -> Path:
        """Where its result is or will be."""
        text = json.dumps(self.settings, sort_keys=True)
        return cache_dir("experiments", self.experiment) / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"

    def result(self) -> Result | None:
        """What was found, or None if it has not been run."""
        return json.loads(self.path.read_text())["result"] if self.path.exists() else None


def run(cells: Sequence[Cell], name: str) -> None:
    """Run the cells that have no result yet, in their order, and say how long it will take."""
    todo = [cell for cell in cells if not cell.path.exists()]
    progress = Progress(f"{name}, cells", len(todo), every=0.0)
    for cell in todo:
        text = json.dumps({"settings": cell.settings, "result": cell.run()}, indent=1, sort_keys=True)
        part = cell.path.with_suffix(".part")
        part.write_text(text + "\n")
        part.replace(cell.path)
        progress.step(note=" ".join(str(value) for value in cell.settings.values() if isinstance(value, str | int)))


def write(name: str, rows: Iterable[Result], **more: Any) -> Path:  # noqa: ANN401
    """Write the table of an experiment to `results/<name>.json` in the cache, where the results page looks for it."""
    path = cache_dir("results") / f"{name}.json"
    part = path.with_suffix(".part")
    part.write_text(json.dumps({"name": name, "rows": list(rows), **more}, indent=1) + "\n")
    part.replace(path)
    return path


def read(name: str) -> Result | None:
    """The table of an experiment, or None if there is none."""
    return saved("results", f"{name}.json")


def saved(*path: str) -> Result | None:
    """A JSON file in the cache, or None if there is none."""
    file = cache_dir(*path[:-1]) / path[-1]
    found: Result | None = json.loads(file.read_text()) if file.exists() else None
    return found
