"""The hand-written BERT: weights from an ONNX file, padding, what is tuned."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from valence_training.text.bert import Bert, load_onnx
from valence_training.text.regressor import Head, Regressor, pad, pieces

WIDTH = 16


def tiny(tuned: int = 1) -> Bert:
    return Bert(layers=3, tuned=tuned, width=WIDTH, heads=2, inner=32, vocabulary=50, positions=40).eval()


def as_exported(bert: Bert, path: Path) -> None:
    """Write the weights in the way of an exported Hugging Face model: linear weights anonymous and transposed."""
    initialisers, nodes = [], []

    def keep(name: str, tensor: torch.Tensor) -> None:
        initialisers.append(numpy_helper.from_array(tensor.detach().numpy().copy(), name))

    def linear(name: str, layer: nn.Linear, bias_first: bool) -> None:
        number = f"onnx::MatMul_{len(initialisers)}"
        keep(number, layer.weight.T)
        keep(f"{name}.bias", layer.bias)
        nodes.append(helper.make_node("MatMul", ["x", number], [f"{name}.product"]))
        operands = [f"{name}.bias", f"{name}.product"]
        nodes.append(helper.make_node("Add", operands if bias_first else operands[::-1], [f"{name}.sum"]))

    def norm(name: str, layer: nn.LayerNorm) -> None:
        keep(f"{name}.weight", layer.weight)
        keep(f"{name}.bias", layer.bias)

    e = bert.embeddings
    keep("embeddings.word_embeddings.weight", e.word.weight)
    keep("embeddings.position_embeddings.weight", e.position.weight)
    keep("embeddings.token_type_embeddings.weight", e.token_type.weight)
    norm("embeddings.LayerNorm", e.norm)
    for i, layer in enumerate(bert.layers):
        name = f"encoder.layer.{i}"
        linear(f"{name}.attention.self.query", layer.query, True)
        linear(f"{name}.attention.self.key", layer.key, False)
        linear(f"{name}.attention.self.value", layer.value, True)
        linear(f"{name}.attention.output.dense", layer.attended, False)
        norm(f"{name}.attention.output.LayerNorm", layer.attended_norm)
        linear(f"{name}.intermediate.dense", layer.inner, True)
        linear(f"{name}.output.dense", layer.outer, True)
        norm(f"{name}.output.LayerNorm", layer.outer_norm)
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, WIDTH])
    y = helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.FLOAT, None)
    onnx.save(helper.make_model(helper.make_graph(nodes, "bert", [x], [y], initialisers)), path)


def test_weights_of_an_exported_model_give_its_outputs(tmp_path: Path) -> None:
    torch.manual_seed(1)
    source = tiny()
    as_exported(source, tmp_path / "model.onnx")
    torch.manual_seed(2)
    loaded = tiny()
    ids = torch.tensor([[3, 1, 4, 1, 5]])
    assert not torch.allclose(source(ids), loaded(ids))
    load_onnx(loaded, tmp_path / "model.onnx")
    assert torch.equal(source(ids), loaded(ids))


def test_a_file_without_a_weight_is_refused(tmp_path: Path) -> None:
    as_exported(tiny(), tmp_path / "model.onnx")
    model = onnx.load(tmp_path / "model.onnx")
    del model.graph.initializer[5]
    onnx.save(model, tmp_path / "model.onnx")
    with pytest.raises(KeyError):
        load_onnx(tiny(), tmp_path / "model.onnx")


def test_padding_changes_no_valid_vector() -> None:
    bert = tiny()
    short, long = [7, 8, 9], [7, 1, 2, 3, 4, 5, 6]
    with torch.no_grad():
        alone = bert(torch.tensor([short]))
        together = bert(*pad([short, long]))
    np.testing.assert_allclose(together[0, :3], alone[0], atol=1e-6)


def test_only_head_and_top_layers_are_tuned() -> None:
    model = Regressor(tiny(tuned=1), WIDTH)
    names = model.tuned_state()
    assert {name.split(".")[0] + "." + name.split(".")[1] for name in names} == {
        "head.query",
        "head.score",
        "bert.tuned",
    }
    model(*pad([[1, 2, 3, 4]])).sum().backward()
    assert all((p.grad is None) != (name in names) for name, p in model.named_parameters())


def test_the_head_starts_as_the_mean_of_the_word_pieces_alone() -> None:
    hidden = torch.randn(2, 6, WIDTH)
    mask = torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0]])
    head = Head(WIDTH)
    want = torch.stack([hidden[0, 1:5].mean(0), hidden[1, 1:3].mean(0)])
    torch.testing.assert_close(head(hidden, pieces(mask)), head.score(want).squeeze(-1))
