"""Train the whole default model: text encoder, face net, features, fusion, bundle.

    python -m valence_training.train [--from text|face|extract|audio|fusion]

Each step is a program of its own that resumes what it had begun and finds what it needs in the cache and the bundle;
this one runs them in order and notes what each cost (train/cost.json in the cache). `bin/valence` must be built:
features come from the program that serves.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

from valence_training.paths import cache_dir

STEPS: dict[str, tuple[str, ...]] = {
    "text": ("valence_training.text.finetune", "valence_training.text.export"),
    "face": ("valence_training.face.train", "valence_training.face.export"),
    "extract": ("valence_training.extract",),
    "audio": ("valence_training.audio.train", "valence_training.audio.folds"),
    "fusion": ("valence_training.fusion.release",),
}


def main() -> None:
    """Run the steps from the given one on; stop at the first that fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="first", choices=list(STEPS), default="text")
    args = parser.parse_args()
    names = list(STEPS)
    modules = [module for name in names[names.index(args.first) :] for module in STEPS[name]]
    for number, module in enumerate(modules, 1):
        print(f"[{number}/{len(modules)}] {module}", file=sys.stderr, flush=True)
        began, used = time.monotonic(), cpu()
        done = subprocess.run([sys.executable, "-m", module], check=False)  # noqa: S603 our own modules
        wall = time.monotonic() - began
        spend(cache_dir("train") / "cost.json", module, cpu() - used, wall)
        done.check_returncode()
        print(f"[{number}/{len(modules)}] done in {wall / 60:.1f} min", file=sys.stderr, flush=True)


def cpu() -> float:
    """Seconds of CPU time that the programs which this one ran have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def spend(path: Path, module: str, cpu_s: float, wall_s: float) -> None:
    """Add what a step cost to what its earlier runs did, since a step goes on where it was stopped."""
    cost: dict[str, dict[str, float]] = json.loads(path.read_text()) if path.exists() else {}
    before = cost.get(module, {"cpu_s": 0.0, "wall_s": 0.0})
    cost[module] = {"cpu_s": round(before["cpu_s"] + cpu_s, 1), "wall_s": round(before["wall_s"] + wall_s, 1)}
    part = path.with_suffix(".part")
    part.write_text(json.dumps(cost, indent=2) + "\n")
    part.replace(path)


if __name__ == "__main__":
    main()
