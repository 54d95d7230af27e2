"""Export the trained face net: `python -m valence_training.face.export`.

Writes `face.onnx` into the bundle, checks it against PyTorch in ONNX Runtime, and writes the golden
vectors that the Go side must reproduce. A file appears only after its check has passed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

from valence_training import paths
from valence_training.data import fer
from valence_training.face.metrics import pixels
from valence_training.face.model import EMBEDDING, FaceNet, ServedFace

OPSET = 17
TOLERANCE = 1e-4
OUTPUTS = ("embedding", "polarity_logits")
GOLDEN = paths.REPO / "inference" / "onnx" / "testdata" / "face_golden.json"


def export(face: ServedFace, path: Path) -> None:
    """Write `face` as ONNX with a dynamic batch; raises ValueError if ONNX Runtime disagrees with it."""
    face.eval()
    part = path.with_suffix(".part.onnx")
    torch.onnx.export(
        face,
        (pixels(np.stack([synthetic(0), synthetic(1)])),),
        str(part),
        input_names=["face"],
        output_names=list(OUTPUTS),
        dynamic_axes={name: {0: "N"} for name in ("face", *OUTPUTS)},
        opset_version=OPSET,
        dynamo=False,
    )
    worst = disagreement(face, part)
    if worst > TOLERANCE:
        part.unlink()
        raise ValueError(f"{path}: ONNX Runtime differs from PyTorch by {worst:.2g}, more than {TOLERANCE:.0e}")
    part.replace(path)


def disagreement(face: ServedFace, path: Path) -> float:
    """Largest difference of any output between PyTorch and ONNX Runtime, for batches of one and three."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    worst = 0.0
    for n in (1, 3):
        faces = pixels(np.stack([synthetic(i) for i in range(n)]))
        with torch.inference_mode():
            expected = face(faces)
        actual = session.run(list(OUTPUTS), {"face": faces.numpy()})
        for want, got in zip(expected, actual, strict=True):
            worst = max(worst, float(np.abs(want.numpy() - got).max()))
    return worst


def golden(path: Path) -> dict[str, Any]:
    """What ONNX Runtime gives for the synthetic faces 0, 1 and 2, one at a time."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    cases = []
    for index in range(3):
        embedding, logits = session.run(list(OUTPUTS), {"face": pixels(synthetic(index)[None]).numpy()})
        cases.append({"index": index, "embedding": embedding[0].tolist(), "polarity_logits": logits[0].tolist()})
    return {
        "input": "pixel(index, y, x) = (37*x + 11*y + 7*((x*y) mod 29) + 53*index) mod 256, 48x48, row-major",
        "tolerance": TOLERANCE,
        "cases": cases,
    }


def synthetic(index: int) -> NDArray[np.uint8]:
    """A picture by formula, u8 [48, 48], that any language can make bit by bit."""
    y, x = np.mgrid[: fer.SIDE, : fer.SIDE]
    return ((37 * x + 11 * y + 7 * ((x * y) % 29) + 53 * index) % 256).astype(np.uint8)


def served(net: FaceNet, training: fer.Faces) -> ServedFace:
    """`net` with the mean embedding of the training faces taken off."""
    net.eval()
    total = torch.zeros(EMBEDDING, dtype=torch.float64)
    with torch.inference_mode():
        for start in range(0, len(training), 256):
            total += net.embed(pixels(training.images[start : start + 256])).double().sum(dim=0)
    return ServedFace(net, (total / len(training)).float())


def averaged_net(checkpoint: Path) -> FaceNet:
    """The moving average of the weights in a checkpoint of `valence_training.face.train`.

    Raises ValueError where there is no such checkpoint.
    """
    if not checkpoint.exists():
        raise ValueError(f"{checkpoint}: the face net was not trained here; run `make train`, or face.train alone")
    net = FaceNet()
    net.load_state_dict(torch.load(checkpoint, weights_only=True)["averaged"])
    return net.eval()


def main() -> None:
    """Command line."""
    torch.set_num_threads(1)
    training, _ = fer.load_train(paths.data_dir() / "fer2013")
    face = served(averaged_net(paths.cache_dir("face") / "checkpoint.pt"), training)
    path = paths.BUNDLE / "face.onnx"
    path.parent.mkdir(parents=True, exist_ok=True)
    export(face, path)
    GOLDEN.parent.mkdir(parents=True, exist_ok=True)
    GOLDEN.write_text(json.dumps(golden(path), indent=1) + "\n")
    print(f"{path}: parity {disagreement(face, path):.1e}; golden vectors in {GOLDEN}")


if __name__ == "__main__":
    main()
