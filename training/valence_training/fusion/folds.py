"""Polarity from the voice alone, by six folds over the actors of RAVDESS.

    python -m valence_training.fusion.folds

A test of a few actors has few positive clips, so its figure says little. Here every actor is tested once by a net that
was trained on the voices of the others (and all of EMO-DB): the same net, fused path and voice windows as the shipped
one, but voices alone and no choice of a checkpoint. Writes folds.json into the cache.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace

import numpy as np
import torch

from valence_training.data import splits
from valence_training.extract import features
from valence_training.fusion import heldout
from valence_training.fusion.pairing import AUDIO, Example
from valence_training.fusion.release import materials
from valence_training.fusion.scoring import score, torch_run, uar
from valence_training.fusion.train import Material, TrainConfig, Trainer
from valence_training.paths import cache_dir

CONFIG = TrainConfig(warm_epochs=12, epochs=0)


class VoiceTrainer(Trainer):
    """Trains on voices alone."""

    def _alone(self, random: np.random.Generator) -> list[Example]:
        return [heldout.alone(self.voices.draw(None, random), AUDIO) for _ in range(self.config.batch)]


def run_fold(number: int, train: Material, valid: Material, everything: Material) -> dict[str, float]:
    """Train without the actors of the fold and test on them."""
    actors = splits.fold(number)
    others = [v for v in everything.voices if v.speaker not in actors]
    trainer = VoiceTrainer(replace(CONFIG, seed=number + 1), replace(train, voices=others), valid)
    run = torch_run(trainer.run_warm_up())
    clips = heldout.clips(everything.voices, actors)
    scored = score(run, heldout.speech(clips))
    return {
        "clips": len(clips),
        "uar": uar(scored.polarity, scored.truth),
        "accuracy": 100 * float((scored.polarity == scored.truth).mean()),
        "mae": scored.mae,
    }


def main() -> None:
    """Run the folds that are not done yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1, help="cores for the extraction of features")
    args = parser.parse_args()
    torch.set_num_threads(1)
    sets = features(jobs=args.jobs)
    by_split = materials(sets)
    everything = replace(by_split["train"], voices=[v for m in by_split.values() for v in m.voices])
    folder = cache_dir("train", "fusion", sets.contract[0].removeprefix("sha256:")[:12])
    done = []
    for number in range(splits.FOLDS):
        path = folder / f"fold-{number}.json"
        if not path.exists():
            figures = run_fold(number, by_split["train"], by_split["valid"], everything)
            path.write_text(json.dumps(figures))
        done.append(json.loads(path.read_text()))
        print(f"fold {number + 1}/{splits.FOLDS}  {done[-1]}", file=sys.stderr, flush=True)
    found = {
        "uar": float(np.mean([f["uar"] for f in done])),
        "uar_deviation": float(np.std([f["uar"] for f in done], ddof=1)),
        "accuracy": float(np.mean([f["accuracy"] for f in done])),
        "folds": done,
    }
    (cache_dir("train", "fusion") / "folds.json").write_text(json.dumps(found, indent=2) + "\n")
    print(f"six folds: UAR {found['uar']:.1f} % (deviation {found['uar_deviation']:.1f})", file=sys.stderr)


if __name__ == "__main__":
    main()
