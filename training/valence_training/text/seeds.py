"""What the chosen setting is worth: five runs of the MOSI stage with other seeds, each through its own int8 graph.

    python -m valence_training.text.seeds

Opens the test splits of MOSI and EmoBank, so it comes last, when every setting is chosen (`text.folds`). Each run is a
whole `finetune`: three members, and of them and their average the checkpoint with the best validation MAE. All runs go
on from one general stage. Writes into the cache `text/seeds/<n>.npz` (the scores of every text, by id) and
`text/seeds.json` (mean and standard deviation of the figures); what is there already is not made again.
"""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from valence_training.data import emobank, mosi
from valence_training.extract import BEGINNINGS
from valence_training.metrics import metrics
from valence_training.paths import cache_dir
from valence_training.text.export import Encoder, tuned_model, write_graph
from valence_training.text.finetune import finetune
from valence_training.text.line import read
from valence_training.text.start import pretrained
from valence_training.text.trainer import LIMIT, Config
from valence_training.text.wordpiece import WordPiece

RUNS = 5
Scores = npt.NDArray[np.float32]


def texts() -> dict[str, dict[str, str]]:
    """Return the sets to score, id -> text: MOSI's splits, the beginnings of its test segments, EmoBank's test."""
    test = mosi.segments("test")
    out = {f"mosi_{split}": {row.id: row.text for row in mosi.segments(split)} for split in ("valid", "test")}
    for share in BEGINNINGS:
        out[f"mosi_test@{share}"] = {row.id: mosi.beginning(row.text, share) for row in test}
    return {**out, "emobank_test": {row.id: row.text for row in emobank.sentences("test")}}


def run(config: Config, wordpiece: WordPiece, file: Path) -> None:
    """Fine-tune, export and score every set through the int8 graph, one text at a time as it is served."""
    model, _ = tuned_model(finetune(config))
    graph = config.directory() / "text.onnx"
    write_graph(model, wordpiece, graph)
    encoder = Encoder(graph)
    arrays: dict[str, Any] = {}
    for name, rows in texts().items():
        arrays[f"{name}_id"] = np.array(list(rows))
        served = [read(model.head.line(), encoder(wordpiece.ids(text, LIMIT))) for text in rows.values()]
        arrays[f"{name}_score"] = np.array(served, np.float32)
    part = file.with_suffix(".part.npz")
    np.savez(part, **arrays)
    part.replace(file)


def figures(file: Path) -> dict[str, dict[str, float]]:
    """Return the metrics of each set of a file of scores; EmoBank's valence has another scale, so r alone."""
    segments = {row.id: row.score for row in mosi.segments()}
    valence = {row.id: row.valence for row in emobank.sentences("test")}
    out: dict[str, dict[str, float]] = {}
    with np.load(file) as arrays:
        for name in texts():
            target = valence if name == "emobank_test" else segments
            result = metrics(arrays[f"{name}_score"], np.array([target[str(i)] for i in arrays[f"{name}_id"]]))
            out[name] = {"r": result.r} if name == "emobank_test" else result.as_dict()
    return out


def spread(runs: list[dict[str, dict[str, float]]]) -> dict[str, dict[str, dict[str, float]]]:
    """Return mean and standard deviation over the runs of every figure of every set."""
    return {
        name: {
            figure: {
                "mean": float(np.mean([one[name][figure] for one in runs])),
                "sd": float(np.std([one[name][figure] for one in runs], ddof=1)),
            }
            for figure in runs[0][name]
        }
        for name in runs[0]
    }


def main() -> None:
    """Run what is missing, write the summary and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    torch.set_num_threads(1)
    wordpiece = WordPiece(pretrained() / "tokenizer.json")
    files = []
    for repeat in range(RUNS):
        config = replace(Config(), repeat=repeat)
        file = cache_dir("text", "seeds") / f"{config.directory().name}.npz"
        if not file.exists():
            print(f"run {repeat + 1} of {RUNS}", file=sys.stderr, flush=True)
            run(config, wordpiece, file)
        files.append(file)
    runs = [figures(file) for file in files]
    summary = {"files": [file.name for file in files], "runs": runs, **spread(runs)}
    target = cache_dir("text") / "seeds.json"
    part = target.with_suffix(".part")
    part.write_text(json.dumps(summary, indent=2), encoding="utf-8")
    part.replace(target)
    print(json.dumps(spread(runs), indent=2))


if __name__ == "__main__":
    main()
