"""Run the served net, in torch or in ONNX Runtime, over examples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

from valence_training.data.emotions import polarity
from valence_training.fusion.encoder import StreamShape
from valence_training.fusion.model import SHAPES, FusionNet, Inputs
from valence_training.fusion.pairing import Example, collate
from valence_training.fusion.serving import OUTPUTS, Served, ServedNet

Run = Callable[[Inputs], Served]
Array = NDArray[np.float32]


@dataclass(frozen=True)
class Scored:
    """Outputs of the served net over N examples, with their targets."""

    score: Array
    polarity_probs: Array
    unimodal_scores: Array
    modality_gate: Array
    log_b: Array
    target: Array

    @property
    def polarity(self) -> NDArray[np.int64]:
        """The most probable polarity."""
        return self.polarity_probs.argmax(axis=1)

    @property
    def truth(self) -> NDArray[np.int64]:
        """The polarity of the target."""
        return np.array([polarity(float(y)) for y in self.target], dtype=np.int64)

    @property
    def mae(self) -> float:
        """Mean absolute error on the MOSI scale."""
        return float(np.abs(self.score - self.target).mean())


def torch_run(net: FusionNet, temperature: float = 1.0) -> Run:
    """The served form of a net; the net is left in evaluation mode."""
    served = ServedNet(net, temperature)

    def run(inputs: Inputs) -> Served:
        with torch.inference_mode():
            out: Served = served(*inputs)
        return out

    return run


def onnx_run(path: Path) -> Run:
    """The exported graph on one core."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def run(inputs: Inputs) -> Served:
        feed = {key: value.numpy() for key, value in inputs._asdict().items()}
        return Served(*(torch.from_numpy(value) for value in session.run(list(OUTPUTS), feed)))

    return run


def score(run: Run, examples: Sequence[Example], batch: int = 64, shapes: Sequence[StreamShape] = SHAPES) -> Scored:
    """Score the examples in batches, sorted by nothing: padding never changes an output.

    `shapes` are those of the net that `run` calls.
    """
    chunks = (examples[start : start + batch] for start in range(0, len(examples), batch))
    parts = [run(collate(chunk, shapes).inputs) for chunk in chunks]

    def joined(field: str) -> Array:
        result: Array = torch.cat([getattr(part, field) for part in parts]).numpy()
        return result

    return Scored(
        score=joined("score"),
        polarity_probs=joined("polarity_probs"),
        unimodal_scores=joined("unimodal_scores"),
        modality_gate=joined("modality_gate"),
        log_b=joined("log_b"),
        target=np.array([example.score for example in examples], np.float32),
    )


def uar(guess: NDArray[np.int64], truth: NDArray[np.int64]) -> float:
    """Unweighted average recall over the classes that occur, in percent."""
    return 100 * float(np.mean([(guess[truth == c] == c).mean() for c in np.unique(truth)]))
