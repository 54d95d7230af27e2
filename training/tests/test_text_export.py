"""The exported graph: the same numbers as PyTorch, and int8 near them."""

import copy
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from valence_training.text.bert import Bert
from valence_training.text.export import Encoder, export_fp32, quantise, score
from valence_training.text.regressor import Regressor, pad
from valence_training.text.smooth import smoothed

WIDTH = 64


@pytest.fixture(scope="module")
def model() -> Regressor:
    torch.manual_seed(3)
    bert = Bert(layers=3, tuned=1, width=WIDTH, heads=4, inner=128, vocabulary=3000, positions=128)
    return Regressor(bert, WIDTH).eval()


@pytest.fixture(scope="module")
def graph(model: Regressor, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("graph") / "fp32.onnx"
    export_fp32(model.bert, path)
    return path


@pytest.mark.parametrize("length", [2, 3, 7, 128])
def test_the_graph_gives_pytorch_s_vectors_at_any_length(model: Regressor, graph: Path, length: int) -> None:
    ids = list(range(101, 101 + length))
    with torch.no_grad():
        want = model.bert(torch.tensor([ids]))[0]
    np.testing.assert_allclose(Encoder(graph)(ids), want, atol=1e-5)


def test_int8_points_the_same_way_and_is_repeatable(graph: Path, tmp_path: Path) -> None:
    quantise(graph, tmp_path / "a.onnx")
    quantise(graph, tmp_path / "b.onnx")
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()
    assert (tmp_path / "a.onnx").stat().st_size < 0.4 * graph.stat().st_size
    ids = [101, 2009, 2001, 2204, 102]
    exact, served = Encoder(graph)(ids), Encoder(tmp_path / "a.onnx")(ids)
    cosine = (exact * served).sum(1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(served, axis=1)
    assert cosine.min() > 0.995


def test_smoothing_changes_no_output(model: Regressor) -> None:
    ids = [101, 5, 6, 7, 8, 102]
    smooth = smoothed(model.bert, [ids, [101, 9, 102]])
    with torch.no_grad():
        torch.testing.assert_close(smooth(torch.tensor([ids])), model.bert(torch.tensor([ids])), atol=1e-5, rtol=0)


def test_smoothing_tames_a_large_channel(model: Regressor, tmp_path: Path) -> None:
    bert = copy.deepcopy(model.bert)
    with torch.no_grad():
        for layer in bert.layers:  # one channel of the feed-forward input 60 times the others, as trained nets have it
            layer.attended_norm.weight[3] *= 60
            layer.inner.weight[:, 3] /= 60
    ids = list(range(101, 120))
    errors = []
    for name, net in (("plain", bert), ("smooth", smoothed(bert, [ids]))):
        export_fp32(net, tmp_path / f"{name}.fp32.onnx")
        quantise(tmp_path / f"{name}.fp32.onnx", tmp_path / f"{name}.onnx")
        exact, served = Encoder(tmp_path / f"{name}.fp32.onnx")(ids), Encoder(tmp_path / f"{name}.onnx")(ids)
        errors.append(float(np.abs(exact - served).mean()))
    assert errors[1] < errors[0]


def test_the_graph_has_the_names_and_shapes_of_the_contract(graph: Path) -> None:
    model = onnx.load(graph)

    def shape(value: onnx.ValueInfoProto) -> list[str | int]:
        return [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]

    assert [(v.name, shape(v)) for v in model.graph.input] == [("input_ids", [1, "L"])]
    assert [(v.name, shape(v)) for v in model.graph.output] == [("token_vectors", [1, "L", WIDTH])]


def test_the_head_scores_served_vectors_as_the_model_does(model: Regressor, graph: Path) -> None:
    ids = [101, 5, 6, 7, 102]
    with torch.no_grad():
        want = float(model(*pad([ids])))
    assert score(model.head, Encoder(graph)(ids)) == pytest.approx(want, abs=1e-5)
