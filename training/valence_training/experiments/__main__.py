"""Run the experiments that are missing and write docs/results.md.

    scripts/experiments.sh [--only mosi-text,mmmo]

Each experiment is a program of its own that goes on where it was stopped; this one runs them in order, goes on with the
next when one fails, and makes the page from what is there.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

EXPERIMENTS: dict[str, tuple[str, ...]] = {
    "text": ("text.seeds",),
    "mosi-text": ("experiments.mosi_text",),
    "text-folds": ("text.folds", "--settings", "no teachers"),
    "context": ("experiments.context",),
    "mmmo": ("experiments.mmmo",),
    "ablations": ("experiments.mmmo", "--models", "ours", "no DWA", "scalar DWA", "no MD", "MD without polarity",
                  "no co-attention", "with the shipped net's anchor"),
    "stream": ("experiments.stream",),
    "audio": ("audio.folds",),
    "page": ("experiments.page",),
}  # fmt: skip
"""Name -> module below valence_training, and its arguments. The page comes last and is always made."""


def main() -> None:
    """Run the chosen experiments; exit with 1 if one failed."""
    parser = argparse.ArgumentParser(
        prog="scripts/experiments.sh", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default=",".join(EXPERIMENTS), help="names, with commas: %(default)s")
    args = parser.parse_args()
    wanted = set(args.only.split(","))
    if unknown := wanted - set(EXPERIMENTS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(EXPERIMENTS)}")
    names = [name for name in EXPERIMENTS if name in wanted | {"page"}]
    failed = []
    for number, name in enumerate(names, 1):
        module, *arguments = EXPERIMENTS[name]
        print(f"[{number}/{len(names)}] {name}", file=sys.stderr, flush=True)
        began = time.monotonic()
        command = [sys.executable, "-m", f"valence_training.{module}", *arguments]
        if subprocess.run(command, check=False).returncode:  # noqa: S603 our own modules
            failed.append(name)
        minutes = (time.monotonic() - began) / 60
        print(f"[{number}/{len(names)}] {name}: {minutes:.1f} min", file=sys.stderr, flush=True)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}; what they would have added is missing from the page")


if __name__ == "__main__":
    main()
