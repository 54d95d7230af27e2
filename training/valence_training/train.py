"""Train the whole default model: text encoder, face net, features, fusion, bundle.

    python -m valence_training.train [--from text|face|extract|audio|fusion]

Each step is a program of its own that resumes what it had begun and finds what it needs in the cache and the bundle;
this one runs them in order. `bin/valence` must be built: features come from the program that serves.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

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
        began = time.monotonic()
        subprocess.run([sys.executable, "-m", module], check=True)  # noqa: S603 our own modules
        print(
            f"[{number}/{len(modules)}] done in {(time.monotonic() - began) / 60:.1f} min", file=sys.stderr, flush=True
        )


if __name__ == "__main__":
    main()
