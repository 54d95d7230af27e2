"""Write bundle/, a complete bundle whose networks are small enough to work out by hand.

Run with the packages onnx and numpy: python make_bundle.py. The result is committed; this file says what is in it.

    text      token_vectors[0, i, :] = table[id] = (id, id / 2, -id, 1)
    face      embedding = mean(face) / 255 * (0, 1, ..., 63) / 64
    detector  logits = mean(input), boxes = mean(input) + (0, ..., 15)
    fusion    m_s = mean of stream s over valid steps, each by its mask, and width, 0 if absent
              m_text also has 0.5 before_seconds / (before_seconds + 8) mean(before); score = clip(sum of m_s, -3, 3)
              log_b = -score / 10; unimodal_scores = clip(m); polarity_probs = softmax(-score, 0, score)
              modality_gate = equal shares of the present; text_attn = equal shares of the valid tokens
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, checker, helper, numpy_helper

OPSET = 17
WIDTHS = {"text": 4, "audio": 3, "video": 2}
LENGTHS = {"text": "Lt", "audio": "La", "video": "Lv"}
CONTRACT = "text tiny dim=4\naudio tiny dim=3\nvideo tiny dim=2\n"
FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
Value = tuple[str, int, list[str | int]]
Constants = dict[str, npt.NDArray[np.generic]]


def graph(
    name: str, nodes: list[NodeProto], inputs: list[Value], outputs: list[Value], constants: Constants
) -> ModelProto:
    """A checked model of IR version 8."""
    proto: GraphProto = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info(*v) for v in inputs],
        [helper.make_tensor_value_info(*v) for v in outputs],
        [numpy_helper.from_array(array, key) for key, array in constants.items()],
    )
    model = helper.make_model(proto, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="valence-test")
    model.ir_version = 8
    checker.check_model(model, full_check=True)
    return model


def text() -> ModelProto:
    """The encoder: a table look-up."""
    ids = np.arange(16, dtype=np.float32)
    table = np.stack([ids, ids / 2, -ids, np.ones_like(ids)], axis=1)
    node = helper.make_node("Gather", ["table", "input_ids"], ["token_vectors"])
    inputs: list[Value] = [("input_ids", INT64, [1, "L"])]
    return graph("text", [node], inputs, [("token_vectors", FLOAT, [1, "L", 4])], {"table": table})


def face() -> ModelProto:
    """The face net: a mean."""
    nodes = [
        helper.make_node("ReduceMean", ["face"], ["mean"], axes=[2, 3], keepdims=0),
        helper.make_node("MatMul", ["mean", "weights"], ["embedding"]),
        helper.make_node("MatMul", ["mean", "classes"], ["polarity_logits"]),
    ]
    constants: Constants = {
        "weights": (np.arange(64, dtype=np.float32) / 64 / 255)[None],
        "classes": np.array([[-1, 0, 1]], dtype=np.float32),
    }
    outputs: list[Value] = [("embedding", FLOAT, ["N", 64]), ("polarity_logits", FLOAT, ["N", 3])]
    return graph("face", nodes, [("face", FLOAT, ["N", 1, 48, 48])], outputs, constants)


def detector() -> ModelProto:
    """The detector: 512 and 384 anchors, with the names of the real one."""
    nodes = [helper.make_node("ReduceMean", ["input:0"], ["mean"], axes=[1, 2, 3], keepdims=0)]
    constants: Constants = {"steps": np.arange(16, dtype=np.float32)}
    nodes.append(helper.make_node("Add", ["mean", "steps"], ["box"]))
    outputs: list[Value] = []
    for i, anchors in enumerate((512, 384)):
        logits, boxes = f"Identity{'_1' if i else ''}:0", f"Identity_{2 + i}:0"
        constants[f"shape{i}"] = np.array([1, anchors, 1], dtype=np.int64)
        constants[f"boxes{i}"] = np.array([1, anchors, 16], dtype=np.int64)
        nodes.append(helper.make_node("Expand", ["mean", f"shape{i}"], [logits]))
        nodes.append(helper.make_node("Expand", ["box", f"boxes{i}"], [boxes]))
        outputs += [(logits, FLOAT, [1, anchors, 1]), (boxes, FLOAT, [1, anchors, 16])]
    return graph("detector", nodes, [("input:0", FLOAT, [1, 128, 128, 3])], outputs, constants)


def fusion() -> ModelProto:
    """The fusion net: means and shares."""
    nodes: list[NodeProto] = []
    inputs: list[Value] = []
    constants: Constants = {
        "last": np.array([-1], dtype=np.int64),
        "all": np.array([1, 2], dtype=np.int64),
        "steps": np.array([1], dtype=np.int64),
        "one": np.array(1, dtype=np.float32),
        "zero": np.array(0, dtype=np.float32),
        "low": np.array(-3, dtype=np.float32),
        "high": np.array(3, dtype=np.float32),
        "tenth": np.array(-0.1, dtype=np.float32),
        "signs": np.array([[-1, 0, 1]], dtype=np.float32),
        "zeros": np.zeros((1, 8), dtype=np.float32),
        "half": np.array(0.5, dtype=np.float32),
        "prior": np.array(8, dtype=np.float32),
        "least": np.array(1e-6, dtype=np.float32),
    }

    def op(kind: str, args: list[str], out: str, **attributes: int) -> str:
        nodes.append(helper.make_node(kind, args, [out], None, None, None, None, **attributes))
        return out

    for i, (name, width) in enumerate(WIDTHS.items()):
        inputs += [(name, FLOAT, ["B", LENGTHS[name], width]), (f"{name}_mask", FLOAT, ["B", LENGTHS[name]])]
        constants[f"width_{name}"] = np.array(width, dtype=np.float32)
        constants[f"index_{name}"] = np.array([i], dtype=np.int64)
        mask = op("Unsqueeze", [f"{name}_mask", "last"], f"{name}_m")
        valid = op("Greater", [mask, "zero"], f"{name}_valid")
        kept = op("Mul", [op("Where", [valid, name, "zero"], f"{name}_kept"), mask], f"{name}_weighed")
        total = op("ReduceSum", [kept, "all"], f"{name}_total", keepdims=0)
        weight = op("ReduceSum", [f"{name}_mask", "steps"], f"{name}_weight", keepdims=0)
        weight = op("Mul", [op("Max", [weight, "least"], f"{name}_atleast"), f"width_{name}"], f"{name}_count")
        mean = op("Div", [total, weight], f"{name}_mean")
        if name == "text":
            past = op("ReduceSum", ["before", "steps"], "before_total", keepdims=0)
            past = op("Div", [past, "width_text"], "before_mean")
            share = op(
                "Div", ["before_seconds", op("Add", ["before_seconds", "prior"], "before_prior")], "before_share"
            )
            past = op("Mul", [op("Mul", [past, share], "before_part"), "half"], "before_half")
            mean = op("Add", [mean, past], "text_with_before")
        op("Unsqueeze", [mean, "last"], f"{name}_column")
    inputs += [("present", FLOAT, ["B", 3]), ("before", FLOAT, ["B", WIDTHS["text"]]), ("before_seconds", FLOAT, ["B"])]
    means = op("Concat", [f"{name}_column" for name in WIDTHS], "means", axis=1)
    means = op("Mul", [means, "present"], "heard")
    op("Clip", [means, "low", "high"], "unimodal_scores")
    score = op("Clip", [op("ReduceSum", [means, "steps"], "sum", keepdims=0), "low", "high"], "score")
    op("Mul", [score, "tenth"], "log_b")
    column = op("Unsqueeze", [score, "last"], "score_column")
    op("Softmax", [op("Mul", [column, "signs"], "logits")], "polarity_probs", axis=1)
    streams = op("Max", [op("ReduceSum", ["present", "steps"], "streams", keepdims=1), "one"], "streams_atleast")
    op("Div", ["present", streams], "modality_gate")
    valid = op("Cast", [op("Greater", ["text_mask", "zero"], "text_heard")], "text_ones", to=FLOAT)
    tokens = op("Max", [op("ReduceSum", [valid, "steps"], "tokens", keepdims=1), "one"], "tokens_atleast")
    op("Div", [valid, tokens], "text_attn")
    op("Add", [column, "zeros"], "embedding")
    outputs: list[Value] = [
        ("score", FLOAT, ["B"]),
        ("polarity_probs", FLOAT, ["B", 3]),
        ("unimodal_scores", FLOAT, ["B", 3]),
        ("modality_gate", FLOAT, ["B", 3]),
        ("log_b", FLOAT, ["B"]),
        ("text_attn", FLOAT, ["B", "Lt"]),
        ("embedding", FLOAT, ["B", 8]),
    ]
    return graph("fusion", nodes, inputs, outputs, constants)


def describe(file: str, model: ModelProto) -> dict[str, object]:
    """The graph's entry in the manifest."""

    def tensors(values: list[ValueInfoProto]) -> list[dict[str, object]]:
        return [
            {
                "name": v.name,
                "dtype": "int64" if v.type.tensor_type.elem_type == INT64 else "float32",
                "shape": [d.dim_value or d.dim_param for d in v.type.tensor_type.shape.dim],
            }
            for v in values
        ]

    return {
        "file": file,
        "opset": OPSET,
        "precision": "fp32",
        "inputs": tensors(list(model.graph.input)),
        "outputs": tensors(list(model.graph.output)),
    }


def main() -> None:
    """Write the folder."""
    out = Path(__file__).parent / "bundle"
    out.mkdir(exist_ok=True)
    graphs = {"fusion": fusion(), "text": text(), "face": face(), "detector": detector()}
    content = {f"{name}.onnx": model.SerializeToString() for name, model in graphs.items()}
    words = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", *"abcdefghijkl")
    content["vocab.txt"] = "".join(f"{word}\n" for word in words).encode()
    for name, data in content.items():
        (out / name).write_bytes(data)
    patterns = ("text", "audio", "text+audio", "video", "text+video", "audio+video", "text+audio+video")
    manifest = {
        "schema": 2,
        "name": "tiny",
        "version": "0.0.1",
        "git_commit": "0" * 40,
        "licence": {"weights": "Apache-2.0", "reason": "made by hand", "file": "README.md"},
        "contract": {"hash": "sha256:" + hashlib.sha256(CONTRACT.encode()).hexdigest(), "text": CONTRACT},
        "modalities": list(WIDTHS),
        "polarities": ["negative", "neutral", "positive"],
        "score_scale": 3.0,
        "neutral_band": 0.5,
        "window": {"seconds": 1.0, "hop_seconds": 0.5, "max_seconds": 2.0, "context_seconds": 4.0},
        "streams": {
            "text": {"width": WIDTHS["text"], "max_steps": 8, "rate_hz": 0},
            "audio": {"width": WIDTHS["audio"], "max_steps": 20, "rate_hz": 10},
            "video": {"width": WIDTHS["video"], "max_steps": 10, "rate_hz": 5},
        },
        "files": {
            name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)} for name, data in content.items()
        },
        "graphs": {name: describe(f"{name}.onnx", model) for name, model in graphs.items()},
        "interval": {
            "method": "by hand",
            "levels": [0.8, 0.9],
            "quantiles": {key: [1.0 - i / 10, 2.0 - i / 10] for i, key in enumerate(patterns)},
        },
        "polarity_temperature": 1.0,
        "metrics": {"note": "none"},
        "data": {},
    }
    (out / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
