"""The manifest beside the networks: what the serving side needs to know, and what a person may want to.

manifest.json, schema 2:

- `schema`, `name`, `version`, `git_commit`: what this bundle is and which code made it ("-dirty" if not clean).
- `licence`: {weights, reason, file}.
- `contract`: {hash, text}: the feature contract under which the training features were made, as `valence extract`
  wrote it; hash is "sha256:" and the digest of text. The serving side refuses a bundle of another contract.
- `modalities`, `polarities`: the order of streams and classes in every tensor.
- `score_scale` (divide a score by it to get [-1, 1]), `neutral_band` (|score| below it is neutral).
- `window`: {seconds, hop_seconds, max_seconds, context_seconds}: the last is how far before a window the net hears.
- `streams`: per stream {width, max_steps, rate_hz}; text has rate 0.
- `files`: per file of the bundle {sha256, bytes}.
- `graphs`: per network {file, opset, precision, inputs, outputs}, each tensor {name, dtype, shape}; a string in a
  shape is a dynamic axis.
- `interval`: {method, levels, quantiles}; quantiles has one list, in the order of levels, per pattern of present
  streams ("text+audio"). Interval = score -+ q * exp(log_b), clipped to the score's scale.
- `polarity_temperature`: already inside the graph; for information.
- `metrics`, `data`: free-form records: measured quality; SHA-256 of the data files trained on.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx

from valence_training.calibrate import LEVELS
from valence_training.data.emotions import NEUTRAL_BAND
from valence_training.extract import sha256
from valence_training.fusion.model import POLARITIES, SCORE_LIMIT, SHAPES, STREAMS
from valence_training.fusion.reading import CONTEXT
from valence_training.paths import BUNDLE, REPO, data_dir

NAME, VERSION = "valence-text-guided-d64", "0.3.1"

FILES = ("fusion.onnx", "text.onnx", "vocab.txt", "face.onnx", "detector.onnx")
PRECISION = {"fusion": "fp32", "text": "int8", "face": "fp32", "detector": "fp32"}
RATES = {"text": 0, "audio": 10, "video": 5}
MAX_SECONDS = 12.8


def build(
    contract: tuple[str, str],
    quantiles: Mapping[str, list[float]],
    temperature: float,
    metrics: Mapping[str, Any],
    bundle: Path = BUNDLE,
) -> dict[str, Any]:
    """The manifest of the files that are in `bundle` now; `contract` is (hash, text)."""
    return {
        "schema": 2,
        "name": NAME,
        "version": VERSION,
        "git_commit": commit(),
        "licence": {
            "weights": "CC-BY-NC-SA-4.0",
            "reason": "trained on RAVDESS (CC BY-NC-SA 4.0) and on research data sets",
            "file": "LICENSES",
        },
        "contract": {"hash": contract[0], "text": contract[1]},
        "modalities": list(STREAMS),
        "polarities": list(POLARITIES),
        "score_scale": SCORE_LIMIT,
        "neutral_band": NEUTRAL_BAND,
        "window": {"seconds": 8.0, "hop_seconds": 1.0, "max_seconds": MAX_SECONDS, "context_seconds": CONTEXT},
        "streams": {
            stream: {"width": shape.width, "max_steps": shape.max_steps, "rate_hz": RATES[stream]}
            for stream, shape in zip(STREAMS, SHAPES, strict=True)
        },
        "files": {name: {"sha256": sha256(bundle / name), "bytes": (bundle / name).stat().st_size} for name in FILES},
        "graphs": {name: graph(bundle / f"{name}.onnx", precision) for name, precision in PRECISION.items()},
        "interval": {
            "method": "split conformal on |y - score| / exp(log_b)",
            "levels": list(LEVELS),
            "quantiles": {pattern: [round(q, 4) for q in found] for pattern, found in quantiles.items()},
        },
        "polarity_temperature": round(temperature, 4),
        "metrics": dict(metrics),
        "data": data_hashes(),
    }


def write(manifest: Mapping[str, Any], bundle: Path = BUNDLE) -> None:
    """Write manifest.json into the bundle."""
    (bundle / "manifest.json").write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def record(figures: Mapping[str, Any], bundle: Path = BUNDLE) -> dict[str, Any]:
    """Add figures to the metrics of a bundle that is there already, and return its manifest."""
    manifest: dict[str, Any] = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))
    manifest["metrics"] = {**manifest["metrics"], **figures}
    write(manifest, bundle)
    return manifest


OF_A_BUNDLE = "stream"
"""The figures that were measured through one bundle and say nothing of the next."""


def measured_elsewhere(bundle: Path = BUNDLE) -> dict[str, Any]:
    """The figures that other programs added to a bundle and that outlive its fusion net; none without a bundle."""
    path = bundle / "manifest.json"
    metrics = json.loads(path.read_text(encoding="utf-8"))["metrics"] if path.exists() else {}
    return {name: figures for name, figures in metrics.items() if name != OF_A_BUNDLE}


def identity(bundle: Path = BUNDLE) -> str:
    """What a score of this bundle depends on, in few characters: its files, whatever else its manifest says."""
    files = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))["files"]
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:12]


def graph(path: Path, precision: str) -> dict[str, Any]:
    """Names, types and shapes of a network's tensors, as they stand in its file."""
    model = onnx.load(str(path), load_external_data=False)
    initialisers = {tensor.name for tensor in model.graph.initializer}
    return {
        "file": path.name,
        "opset": next(o.version for o in model.opset_import if o.domain in ("", "ai.onnx")),
        "precision": precision,
        "inputs": [_tensor(value) for value in model.graph.input if value.name not in initialisers],
        "outputs": [_tensor(value) for value in model.graph.output],
    }


def _tensor(value: Any) -> dict[str, Any]:  # noqa: ANN401
    kind = value.type.tensor_type
    return {
        "name": value.name,
        "dtype": onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type).name,
        "shape": [axis.dim_param or axis.dim_value for axis in kind.shape.dim],
    }


def commit() -> str:
    """The commit of the training code, with "-dirty" where training/ differs from it."""

    def git(*arguments: str) -> str:
        return subprocess.run(  # noqa: S603
            ["git", "-C", str(REPO), *arguments],  # noqa: S607
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()

    dirty = git("status", "--porcelain", "--", "training")
    return git("rev-parse", "HEAD") + ("-dirty" if dirty else "")


def data_hashes() -> dict[str, str]:
    """SHA-256 of every data file trained on; a folder of clips by the digest of its files' names and digests."""
    root = data_dir()
    texts = tuple(f"text/{name}.csv" for name in ("sst5_train", "sst5_train_phrases", "emobank"))
    files = ("mosi/segments.csv", "fer2013/train.npz", "fer2013/test.npz", *texts)
    found = {name: f"sha256:{sha256(root / name)}" for name in files}
    for folder in ("ravdess", "emodb"):
        whole = hashlib.sha256()
        for path in sorted((root / folder).glob("*.flac")):
            whole.update(f"{path.name} {sha256(path)}\n".encode())
        found[f"{folder}/*.flac"] = f"sha256:{whole.hexdigest()}"
    return found
