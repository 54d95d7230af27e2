"""Golden vectors name their model and can be made again from their formula."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import onnx
import pytest
from test_fusion_model import shaken_net

from valence_training import manifest
from valence_training.extract import sha256
from valence_training.fusion import golden
from valence_training.fusion.scoring import onnx_run
from valence_training.fusion.serving import OUTPUTS, export


def test_inputs_follow_the_formula() -> None:
    inputs = golden.inputs((0, 2), (3, 2, 4), 2)
    assert inputs.present.tolist() == [[1, 0, 1]] * 2
    assert inputs.video.flatten()[130].item() == pytest.approx(math.sin(0.37 * 130 + 2) * 2, abs=1e-6)
    assert inputs.text_mask.flatten().tolist() == pytest.approx([0.25, 0.30, 0.35, 0, 0.45, 0.50])
    assert inputs.video_mask.tolist() == [[1, 1, 1, 0], [1, 1, 1, 1]]
    assert inputs.before[1, 3].item() == pytest.approx(math.cos(0.21 * 387) * 1.5, abs=1e-6)
    assert inputs.before_seconds.tolist() == [4, 8]


def test_every_pattern_is_there_and_the_exported_graph_agrees(tmp_path: Path) -> None:
    net, graph, record = shaken_net(), tmp_path / "fusion.onnx", tmp_path / "golden.json"
    export(net, graph, 1.5)
    golden.write(net, 1.5, graph, record)
    document = json.loads(record.read_text())
    assert document["model_sha256"] == sha256(graph)
    assert len({case["pattern"] for case in document["cases"]}) == 7
    run = onnx_run(graph)
    for case in document["cases"]:
        pattern = tuple(np.flatnonzero(case["present"]).tolist())
        out = run(golden.inputs(pattern, tuple(case["lengths"]), case["batch"]))
        for field in OUTPUTS:
            got = getattr(out, field).flatten()
            np.testing.assert_allclose(got, case["outputs"][field], atol=document["tolerance"], err_msg=field)


def test_the_manifest_reads_tensors_out_of_the_graph(tmp_path: Path) -> None:
    export(shaken_net(), tmp_path / "fusion.onnx")
    found = manifest.graph(tmp_path / "fusion.onnx", "fp32")
    assert found["opset"] == 17
    assert found["inputs"][0] == {"name": "text", "dtype": "float32", "shape": ["B", "Lt", 384]}
    assert [tensor["name"] for tensor in found["outputs"]] == list(OUTPUTS)
    assert onnx.load(str(tmp_path / "fusion.onnx")).graph.output[0].name == "score"
