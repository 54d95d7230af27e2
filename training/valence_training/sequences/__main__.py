"""Train the network of the paper on a file of sequences, and say how good it is.

    valence-train --data mosei.pkl

The file is one of MMSA's for CMU-MOSI or CMU-MOSEI, aligned or unaligned: a pickle of a dict of train, valid and test,
each with text, audio, vision, id and regression_labels (and text_bert, audio_lengths, vision_lengths where it has
them). It is read without running what it says. Widths and lengths come from the file, so any text vectors will do.

Trained is the fusion net with momentum distillation (docs/model-card.md): dynamic weights, text-guided co-attention, a
momentum teacher. One checkpoint is chosen by the MAE on valid; test is predicted once, at the end. The output directory
then holds metrics.json, predictions.csv (id, split, target, predicted) and model.pt. A run that was stopped goes on
where it was, to the same result; runs of the same seed and file are the same.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from valence_training.data import mmsa
from valence_training.data.sequences import Sequences, Split
from valence_training.metrics import Metrics, metrics
from valence_training.sequences.batches import clips
from valence_training.sequences.fusion import FusionLearner, Settings
from valence_training.sequences.loop import Budget, fit, predict


def run(data: Sequences, settings: Settings, budget: Budget, output: Path, of_file: str) -> dict[Split, Metrics]:
    """Train, predict and write everything into `output`; the figures of valid and test.

    `of_file` names the data: a run that was begun with other data or settings is not resumed.
    """
    output.mkdir(parents=True, exist_ok=True)
    begun = {"data": of_file, "settings": asdict(settings), "budget": asdict(budget)}
    _same(output / "settings.json", begun)
    splits = {split: data.take(data.rows(split)) for split in mmsa.SPLITS}
    learner = FusionLearner(settings, splits["train"], budget.seed)
    fit(learner, clips(splits["train"]), clips(splits["valid"]), budget, output / "checkpoint.pt", "valence-train")
    measured: tuple[Split, ...] = ("valid", "test")
    predicted = {split: predict(learner, clips(splits[split])).numpy() for split in measured}
    figures = {split: metrics(scores, splits[split].target) for split, scores in predicted.items()}
    with (output / "predictions.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("id", "split", "target", "predicted"))
        for split, scores in predicted.items():
            for name, target, score in zip(splits[split].id, splits[split].target, scores, strict=True):
                rows.writerow((name, split, f"{target:.4f}", f"{score:.4f}"))
    torch.save({"config": asdict(learner.net.config), "net": learner.net.state_dict()}, output / "model.pt")
    found = {split: {k: round(v, 4) for k, v in figure.as_dict().items()} for split, figure in figures.items()}
    (output / "metrics.json").write_text(json.dumps(begun | found, indent=2) + "\n")
    return figures


def describe(data: Sequences) -> str:
    """What was read, for a person."""
    sizes = ", ".join(f"{len(data.rows(split))} {split}" for split in mmsa.SPLITS)
    widths = ", ".join(
        f"{name} {values.shape[1]} x {values.shape[2]}"
        for name, (values, _) in zip(("text", "audio", "video"), data.streams, strict=True)
    )
    return f"{len(data)} clips of {len(set(data.group))} videos ({sizes}); steps x width: {widths}"


def table(figures: Mapping[Split, Metrics]) -> str:
    """The field's metrics: accuracies and F1 in percent, Acc-2 and F1 without and with the zeros."""
    lines = [f"{'':7}{'MAE':>7}{'r':>7}{'Acc-2':>16}{'F1':>16}{'Acc-5':>8}{'Acc-7':>8}"]
    for split, m in figures.items():
        two, f1 = f"{m.non0:.1f} / {m.has0:.1f}", f"{m.f1_non0:.1f} / {m.f1_has0:.1f}"
        lines.append(f"{split:7}{m.mae:7.3f}{m.r:7.3f}{two:>16}{f1:>16}{m.acc5:8.1f}{m.acc7:8.1f}")
    return "\n".join(lines)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="valence-train", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, metavar="FILE", help="a pickle in MMSA's layout")
    parser.add_argument("--output", type=Path, metavar="DIR", help="default: valence-train-<name of the file>")
    parser.add_argument("--seed", type=int, default=1, help="default: %(default)s")
    parser.add_argument("--epochs", type=int, default=40, help="at most; default: %(default)s")
    parser.add_argument("--patience", type=int, default=10, help="epochs without a better valid; default: %(default)s")
    parser.add_argument("--batch", type=int, default=32, help="default: %(default)s")
    parser.add_argument("--rate", type=float, default=Settings().rate, help="learning rate; default: %(default)s")
    parser.add_argument("--width", type=int, default=64, help="of the net (d), a multiple of 4; default: %(default)s")
    parser.add_argument("--no-momentum", action="store_true", help="without momentum distillation")
    parser.add_argument("--threads", type=int, default=1, help="figures differ a little between numbers of threads")
    return parser.parse_args(arguments)


def main() -> None:
    """Train on the file and print the figures; a bad file ends with one sentence."""
    args = parse()
    torch.set_num_threads(args.threads)
    if not args.data.is_file():
        sys.exit(f"valence-train: {args.data}: there is no such file; name a pickle of MOSI or MOSEI in MMSA's layout")
    try:
        data = mmsa.load(args.data)
        print(describe(data), file=sys.stderr)
        settings = Settings(net={"d": args.width}, rate=args.rate, momentum=not args.no_momentum)
        budget = Budget(epochs=args.epochs, patience=args.patience, batch=args.batch, seed=args.seed)
        output = args.output or Path(f"valence-train-{args.data.stem}")
        print(table(run(data, settings, budget, output, digest(data))))
    except (ValueError, OSError) as error:
        sys.exit(f"valence-train: {error}")
    print(f"everything is in {output}", file=sys.stderr)


def digest(data: Sequences) -> str:
    """A short name of labels and features, so that a checkpoint of other data is noticed."""
    sums = np.array([values.sum(dtype=np.float64) for values, _ in data.streams])
    return hashlib.sha256(data.target.tobytes() + sums.tobytes()).hexdigest()[:12]


def _same(path: Path, begun: dict[str, Any]) -> None:
    """Write what the run is made with, or check that it is the same as before."""
    if path.exists() and json.loads(path.read_text()) != begun:
        raise ValueError(f"{path.parent} holds a run on other data or with other settings; choose another --output")
    path.write_text(json.dumps(begun, indent=2) + "\n")


if __name__ == "__main__":
    main()
