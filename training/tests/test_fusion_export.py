"""The exported graph says what the net says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from test_fusion_model import run, shaken_net, windows

from valence_training.fusion.model import SHAPES
from valence_training.fusion.pairing import PATTERNS, name
from valence_training.fusion.scoring import Run, onnx_run
from valence_training.fusion.serving import OUTPUTS, export

TEMPERATURE = 1.3


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("graph") / "fusion.onnx"
    net = shaken_net()
    export(net, path)
    return path


@pytest.fixture(scope="module")
def run_graph(graph: Path) -> Run:
    return onnx_run(graph)


def lengths(kind: str) -> tuple[int, int, int]:
    if kind == "max":
        return SHAPES[0].max_steps, SHAPES[1].max_steps, SHAPES[2].max_steps
    return int(kind), int(kind), int(kind)


@pytest.mark.parametrize("pattern", PATTERNS, ids=name)
@pytest.mark.parametrize("batch", [1, 3, 32])
@pytest.mark.parametrize("length", ["1", "7", "max"])
def test_onnx_runtime_agrees_with_torch(run_graph: Run, pattern: tuple[int, ...], batch: int, length: str) -> None:
    inputs = windows(pattern, batch, lengths(length))
    expected = run(shaken_net(), inputs)
    got = run_graph(inputs)
    for field in OUTPUTS:
        np.testing.assert_allclose(getattr(got, field), getattr(expected, field), atol=1e-4, rtol=0, err_msg=field)


def test_the_graph_has_no_recurrence_and_knows_its_axes(graph: Path) -> None:
    model = onnx.load(str(graph))
    assert not {node.op_type for node in model.graph.node} & {"LSTM", "GRU", "RNN", "Loop", "Scan", "If"}
    shapes = {
        value.name: [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]
        for value in [*model.graph.input, *model.graph.output]
    }
    assert shapes == {
        "text": ["B", "Lt", 384],
        "text_mask": ["B", "Lt"],
        "audio": ["B", "La", 136],
        "audio_mask": ["B", "La"],
        "video": ["B", "Lv", 64],
        "video_mask": ["B", "Lv"],
        "present": ["B", 3],
        "before": ["B", 384],
        "before_seconds": ["B"],
        "score": ["B"],
        "polarity_probs": ["B", 3],
        "unimodal_scores": ["B", 3],
        "modality_gate": ["B", 3],
        "log_b": ["B"],
        "text_attn": ["B", "Lt"],
        "embedding": ["B", 64],
    }


def test_the_temperature_softens_the_probabilities_and_nothing_else(tmp_path: Path, run_graph: Run) -> None:
    path = tmp_path / "soft.onnx"
    export(shaken_net(), path, TEMPERATURE)
    inputs = windows((0, 1, 2))
    sharp, soft = run_graph(inputs), onnx_run(path)(inputs)
    np.testing.assert_allclose(soft.score, sharp.score, atol=1e-6)
    expected = sharp.polarity_probs.log() / TEMPERATURE
    np.testing.assert_allclose(soft.polarity_probs, expected.softmax(dim=1), atol=1e-5)
