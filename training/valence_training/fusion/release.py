"""From features to the bundle: train the fusion net, export it, calibrate it, measure it, describe it.

    python -m valence_training.fusion.release

Reads the feature files (made where they are missing), resumes a training run of the same contract and seed, writes
fusion.onnx and manifest.json into the bundle, golden vectors for the Go tests, and metrics.json into the cache.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from valence_training import calibrate, evaluate, manifest
from valence_training.audio import train as audio
from valence_training.data import fer, splits
from valence_training.data.mosi import Split
from valence_training.extract import FeatureSets, features
from valence_training.fusion import golden, material
from valence_training.fusion.model import FusionNet
from valence_training.fusion.pairing import PATTERNS
from valence_training.fusion.scoring import Run, onnx_run, score, torch_run
from valence_training.fusion.serving import OUTPUTS, export
from valence_training.fusion.train import Material, TrainConfig, Trainer
from valence_training.paths import BUNDLE, REPO, cache_dir, data_dir
from valence_training.text.line import line

GOLDEN = REPO / "inference" / "onnx" / "testdata" / "fusion_golden.json"
TOLERANCE = 1e-4


def materials(sets: FeatureSets) -> dict[Split, Material]:
    """Labelled material of the three splits."""
    source = data_dir() / "fer2013"
    train, valid = fer.load_train(source)
    labels: dict[Split, fer.Faces] = {"train": train, "valid": valid, "test": fer.load_test(source).faces}
    voices = material.voices(sets.audio)
    return {
        split: Material(
            videos=material.videos(sets.text, split),
            voices=[v for v in voices if splits.of_speaker(v.clip) == split],
            faces=material.faces(sets.video, split, faces),
        )
        for split, faces in labels.items()
    }


def checkpoint(contract: str, seed: int) -> Path:
    """Where a run keeps its state: a run of another contract never resumes it."""
    return cache_dir("train", "fusion", contract.removeprefix("sha256:")[:12]) / f"seed-{seed}.pt"


def fit_temperature(net: FusionNet, valid: Material) -> float:
    """The temperature of polarity, from validation people, the seven patterns weighing the same."""
    run = torch_run(net)
    probabilities, truth, weight = [], [], []
    for grouped in evaluate.patterns(valid).values():
        scored = score(run, grouped.examples)
        probabilities.append(scored.polarity_probs)
        truth.append(scored.truth)
        weight.append(np.full(len(scored.truth), 1.0 / len(scored.truth)))
    return calibrate.temperature(np.concatenate(probabilities), np.concatenate(truth), np.concatenate(weight))


def disagreement(net: FusionNet, temperature: float, run: Run) -> float:
    """Largest difference between torch and the exported graph over the golden cases."""
    ours = torch_run(net, temperature)
    worst = 0.0
    for lengths in golden.LENGTHS:
        for pattern in PATTERNS:
            case = golden.inputs(pattern, lengths, 3)
            wanted, got = ours(case), run(case)
            worst = max(worst, *(float((getattr(wanted, f) - getattr(got, f)).abs().max()) for f in OUTPUTS))
    return worst


def quantiles(figures: dict[str, Any]) -> dict[str, list[float]]:
    """The conformal quantiles of each pattern, in the order of calibrate.LEVELS."""
    return {p: [c["quantile"] for c in found["intervals"]] for p, found in figures["patterns"].items()}


def release(config: TrainConfig, jobs: int = 1, bundle: Path = BUNDLE) -> dict[str, Any]:
    """Do all of it; return the figures that went into the manifest."""
    sets = features(jobs=jobs)
    by_split = materials(sets)
    trainer = Trainer(config, by_split["train"], by_split["valid"], start=audio.start(sets.audio), line=line(bundle))
    net = trainer.run(checkpoint(sets.contract[0], config.seed))
    temperature = fit_temperature(net, by_split["valid"])
    graph = bundle / "fusion.onnx"
    part = bundle / "fusion.part.onnx"
    export(net, part, temperature)
    run = onnx_run(part)
    worst = disagreement(net, temperature, run)
    if worst > TOLERANCE:
        raise ValueError(f"{part}: ONNX Runtime differs from PyTorch by {worst:.2g}, more than {TOLERANCE:.0e}")
    part.replace(graph)
    golden.write(net, temperature, graph, GOLDEN)
    figures = evaluate.evaluate(run, by_split["test"], sets.text, temperature)
    figures["parity"] = worst
    figures["talkers"] = evaluate.talkers(run, sets.talkers)
    folds = cache_dir("train", "audio") / "folds.json"
    if folds.exists():
        figures["speech"]["folds"] = json.loads(folds.read_text())
    (cache_dir("train", "fusion") / "metrics.json").write_text(json.dumps(figures, indent=2) + "\n")
    metrics = manifest.measured_elsewhere(bundle) | figures
    manifest.write(manifest.build(sets.contract, quantiles(figures), temperature, metrics, bundle), bundle)
    return figures


def summary(figures: dict[str, Any]) -> str:
    """The figures that have a floor."""
    text = figures["mosi_text"]["whole"]
    return (
        f"MOSI text alone: MAE {text['mae']:.3f}, non0 {text['non0']:.1f} %\n"
        f"RAVDESS voice alone: UAR {figures['speech']['ravdess']['uar']:.1f} %\n"
        f"FER2013 face alone: UAR {figures['faces']['uar']:.1f} %\n"
        f"parity with ONNX Runtime: {figures['parity']:.1e}"
    )


def main() -> None:
    """Train, export, calibrate and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=TrainConfig().seed)
    parser.add_argument("--jobs", type=int, default=1, help="cores for the extraction of features")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    print(summary(release(TrainConfig(seed=args.seed), args.jobs)), file=sys.stderr)


if __name__ == "__main__":
    main()
