"""Exports a fine-tuned encoder as the bundle's text.onnx, with its vocabulary, and says what quantisation costs.

    python -m valence_training.text.export

The graph: `input_ids` int64 [1, L] ([CLS] ... [SEP], L <= 512) -> `token_vectors` float32 [1, L, 384], the last hidden
state. Weights are int8, activations are quantised by the range of each call, so a batch would change every member's
result: it runs one text at a time, unpadded, and needs no mask.
"""

import argparse
import json
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.shape_inference import quant_pre_process

from valence_training.data import mosi, sst
from valence_training.metrics import Metrics, metrics
from valence_training.paths import BUNDLE
from valence_training.text.bert import Bert
from valence_training.text.line import keep
from valence_training.text.regressor import Head, Regressor
from valence_training.text.smooth import smoothed
from valence_training.text.start import make, predict, pretrained
from valence_training.text.trainer import LIMIT, Config, State
from valence_training.text.wordpiece import WordPiece

OPSET = 17
Floats = npt.NDArray[np.float32]


class Encoder:
    """text.onnx as it is served: one thread, one text at a time."""

    def __init__(self, path: Path) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def __call__(self, ids: list[int]) -> Floats:
        """Return the token vectors [L, 384] of one text."""
        out: Floats = self.session.run(["token_vectors"], {"input_ids": np.array([ids], np.int64)})[0][0]
        return out


def export_fp32(bert: Bert, path: Path) -> None:
    """Write the encoder as a float graph."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            bert.eval(),
            (torch.tensor([[101, 2009, 2001, 2204, 102]]),),
            str(path),
            input_names=["input_ids"],
            output_names=["token_vectors"],
            dynamic_axes={"input_ids": {1: "L"}, "token_vectors": {1: "L"}},
            opset_version=OPSET,
            dynamo=False,
        )
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)


def quantise(source: Path, target: Path) -> None:
    """Write the int8 graph: signed weights, one scale per column of a MatMul, one for each embedding table.

    Weights keep 7 of their 8 bits: with all 8 the sums of products saturate on processors without VNNI, and the same
    file would give other numbers there.
    """
    with tempfile.TemporaryDirectory() as scratch:
        prepared = Path(scratch) / "prepared.onnx"
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        quantize_dynamic(
            prepared,
            target,
            op_types_to_quantize=["MatMul", "Gather"],
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
            extra_options={"MatMulConstBOnly": True},
        )


def write_graph(model: Regressor, wordpiece: WordPiece, path: Path) -> None:
    """Write the int8 graph of a model's encoder, in one step: a reader sees the old or the new file."""
    with tempfile.TemporaryDirectory() as scratch:
        export_fp32(smoothed(model.bert, calibration(wordpiece)), Path(scratch) / "fp32.onnx")
        part = path.with_suffix(".part")
        quantise(Path(scratch) / "fp32.onnx", part)
        part.replace(path)


def tuned_model(file: Path) -> tuple[Regressor, State]:
    """Return the model with the best weights of a fine-tuning state, and that state."""
    state = State.load(file)
    model = make(Config())
    model.load_tuned(state.best)
    return model.eval(), state


def calibration(wordpiece: WordPiece) -> list[list[int]]:
    """Return the ids of some training texts of both corpora, which show how large activations are."""
    texts = [row.text for row in mosi.segments("train")[::8]] + [row.text for row in sst.sentences("train")[::50]]
    return [wordpiece.ids(text, LIMIT) for text in texts]


@torch.no_grad()
def score(head: Head, vectors: Floats) -> float:
    """Return what the fine-tuned head makes of a text's vectors [L, 384], [CLS] and [SEP] left out."""
    inner = torch.from_numpy(vectors[None, 1:-1])
    return float(head(inner, torch.ones(inner.shape[:2])))


def report(model: Regressor, graph: Path, wordpiece: WordPiece, splits: tuple[mosi.Split, ...]) -> dict[str, Any]:
    """Measure the float model and the graph on splits of MOSI, and how far apart their token vectors are."""
    encoder = Encoder(graph)
    out: dict[str, Any] = {"bytes": graph.stat().st_size}
    cosines: list[float] = []
    for split in splits:
        rows = mosi.segments(split)
        encoded = [wordpiece.ids(row.text, LIMIT) for row in rows]
        target = np.array([row.score for row in rows])
        served = [encoder(ids) for ids in encoded]
        float32 = metrics(predict(model, encoded), target)
        int8 = metrics(np.array([score(model.head, vectors) for vectors in served]), target)
        out[split] = {"fp32": float32.as_dict(), "int8": int8.as_dict()}
        show(split, float32, int8)
        for ids, vectors in zip(encoded[:200], served, strict=False):
            with torch.no_grad():
                exact = model.bert(torch.tensor([ids]))[0].numpy()
            products = (exact * vectors).sum(1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(vectors, axis=1)
            cosines += products[1:-1].tolist()
    out["cosine"] = {"mean": float(np.mean(cosines)), "least": float(np.min(cosines))}
    out["ms_32_tokens"] = milliseconds(encoder, 32)
    return out


def show(split: str, float32: Metrics, int8: Metrics) -> None:
    """Print one line for each precision."""
    for name, figures in (("fp32", float32), ("int8", int8)):
        print(f"{split:6}{name}  {figures}", file=sys.stderr, flush=True)


def milliseconds(encoder: Encoder, length: int, runs: int = 60) -> float:
    """Return the CPU time of one run, the least of many, since other work on the machine can only add to it."""
    ids = [101, *[2204] * (length - 2), 102]
    spent = []
    for _ in range(runs):
        began = time.process_time()
        encoder(ids)
        spent.append(time.process_time() - began)
    return 1e3 * min(spent)


def main() -> None:
    """Write text.onnx and vocab.txt, measure them on validation (and test, if asked), print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", type=Path, help="a state of finetune (default: what its default run chose)")
    parser.add_argument("--output", type=Path, default=BUNDLE)
    parser.add_argument("--test", action="store_true", help="open the test split: once, when the model is chosen")
    args = parser.parse_args()
    torch.set_num_threads(1)
    wordpiece = WordPiece(pretrained() / "tokenizer.json")
    model, state = tuned_model(args.state or Config().directory() / "chosen.pt")
    args.output.mkdir(parents=True, exist_ok=True)
    write_graph(model, wordpiece, args.output / "text.onnx")
    keep(args.output / "text.onnx", model.head.line())
    (args.output / "vocab.txt").write_text("".join(f"{p}\n" for p in wordpiece.vocabulary()), encoding="utf-8")
    splits: tuple[mosi.Split, ...] = ("valid", "test") if args.test else ("valid",)
    figures = report(model, args.output / "text.onnx", wordpiece, splits)
    print(json.dumps({"history": state.history, **figures}, indent=2))


if __name__ == "__main__":
    main()
