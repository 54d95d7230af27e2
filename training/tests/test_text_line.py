"""The line that a net reads words along is that of the very encoder in the bundle, or none."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from test_fusion_model import shaken_net

from valence_training.extract import sha256
from valence_training.fusion.reading import Line
from valence_training.fusion.serving import export
from valence_training.text.line import keep, line, read
from valence_training.text.regressor import Head


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VALENCE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "text.onnx").write_bytes(b"an encoder")
    return tmp_path


def belongs_to(bundle: Path, encoder: bytes) -> None:
    (bundle / "shipped").write_bytes(encoder)
    files = {"text.onnx": {"sha256": sha256(bundle / "shipped")}}
    (bundle / "manifest.json").write_text(json.dumps({"files": files}))


def test_the_line_of_an_encoder_that_was_exported_here_is_the_head_it_was_tuned_with(bundle: Path) -> None:
    belongs_to(bundle, b"another")
    keep(bundle / "text.onnx", Line(torch.arange(4.0), torch.tensor(0.5)))
    found = line(bundle)
    assert torch.equal(found.weight, torch.arange(4.0))
    assert found.bias == 0.5


def test_without_a_tuned_encoder_the_bundle_s_own_line_is_found_in_its_fusion_net(bundle: Path) -> None:
    net = shaken_net()
    export(net, bundle / "fusion.onnx")
    belongs_to(bundle, b"an encoder")
    found = line(bundle)
    assert net.reading is not None
    assert torch.equal(found.weight, net.reading.direction.squeeze(1))
    assert torch.equal(found.bias, net.reading.offset)


def test_an_encoder_that_nobody_knows_has_no_line(bundle: Path) -> None:
    belongs_to(bundle, b"another")
    with pytest.raises(ValueError, match="no head is known of this text encoder"):
        line(bundle)


def test_a_text_is_read_by_the_mean_of_its_words() -> None:
    torch.manual_seed(0)
    head, vectors = Head(8), torch.randn(5, 8)
    alike = head(vectors[None, 1:-1], torch.ones(1, 3))  # before it is trained the head weighs all words alike
    assert read(head.line(), vectors.numpy()) == pytest.approx(alike.item(), abs=1e-6)
    assert read(head.line(), np.full((4, 8), 1e3, np.float32)) in (-3.0, 3.0)
