"""The field's own nets, by their own code: LF_DNN, TFN, LMF and MulT of the package MMSA (Mao et al. 2022).

What is theirs: the model classes, and each model's sizes, dropouts, rate and weight decay of MMSA's configuration for
MOSI (sets of a like size), and its Adam. What is not: the loop, the batch size and the budget, which are the same for
all nets here. Their own trainers are not used: MulT's asks this PyTorch for an argument that is gone
(`ReduceLROnPlateau(verbose=...)`), and all of them import packages for graphics cards and language models.

MMSA's packages import pretrained language models when they are imported; here only the files of the four nets are, so
nothing but PyTorch is needed. scripts/experiments.sh puts the pinned package on the path.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
import types
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from valence_training.data.sequences import Sequences
from valence_training.fusion.encoder import CLIP
from valence_training.sequences.batches import Clips
from valence_training.sequences.loop import Learner

NETS = {"LF_DNN": "LF_DNN", "TFN": "TFN", "LMF": "LMF", "MulT": "MULT"}
"""Name of each model and of its file and class."""


RATES = {"MulT": 5e-4}
"""Rates that differ from the configuration's. MulT's, 2e-3, is for steps over 8 batches of 16, so at batches of 32 it
is scaled by 32/128: on an inner fold that no table uses the validation MAE was 1.02 instead of 1.28."""


class _Arguments(dict[str, Any]):
    """What MMSA's nets are made from: a dict whose keys are attributes too."""

    __getattr__ = dict.__getitem__


class Peer(Learner):
    """One of the nets, given standardised features; a stream that nobody has is zero.

    LF_DNN, TFN and LMF take the mean of audio and video over their steps, MulT the steps (MMSA's `need_normalized`).
    """

    def __init__(self, name: str, train: Sequences, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.name, self.arguments = name, arguments(name, train)
        self.net = net(name, self.arguments)
        self.average = bool(self.arguments.get("need_normalized"))
        self.steps = [values.shape[1] for values, _ in train.streams]
        if not self.average:
            self.steps[0] = max(self.steps)  # MulT convolves the absent text too, and needs some steps of it
        for m, (values, mask) in enumerate(train.streams):
            rows = torch.from_numpy(values[mask]) if mask.any() else torch.zeros(2, values.shape[2])
            self.register_buffer(f"mean{m}", rows.mean(dim=0))
            self.register_buffer(f"deviation{m}", rows.std(dim=0).clamp(min=1e-4))

    def optimiser(self) -> torch.optim.Optimizer:
        """Adam at the rate of MMSA's configuration."""
        return torch.optim.Adam(
            self.net.parameters(),
            lr=RATES.get(self.name, self.arguments["learning_rate"]),
            weight_decay=self.arguments.get("weight_decay", 0.0) if self.average else 0.0,
            fused=True,
        )

    def clip(self) -> None:
        """As MMSA's configuration says: MulT limits each value."""
        if "grad_clip" in self.arguments:
            nn.utils.clip_grad_value_(self.net.parameters(), self.arguments["grad_clip"])

    def loss(self, batch: Clips, epoch: int) -> Tensor:  # noqa: ARG002
        """L1, as all of MMSA's regression."""
        return (self.scores(batch) - batch.target).abs().mean()

    def scores(self, batch: Clips) -> Tensor:
        """What the net predicts [B]."""
        text, audio, video = (self._features(m, batch) for m in range(3))
        if self.average:
            audio, video = audio.mean(dim=1, keepdim=True), video.mean(dim=1, keepdim=True)
        out: Tensor = self.net(text, audio, video)["M"]
        return out.reshape(-1)

    def _features(self, m: int, batch: Clips) -> Tensor:
        """Standardised and clipped as in the fusion net, zero where not valid, padded to the steps of the file."""
        values, mask = batch.inputs[2 * m], batch.inputs[2 * m + 1].unsqueeze(2)
        mean, deviation = getattr(self, f"mean{m}"), getattr(self, f"deviation{m}")
        clean = torch.where(mask > 0, ((values - mean) / deviation).clamp(-CLIP, CLIP), 0.0)
        return nn.functional.pad(clean, (0, 0, 0, self.steps[m] - clean.shape[1]))


@cache
def home() -> Path:
    """Where the package MMSA is, without importing it."""
    spec = importlib.util.find_spec("MMSA")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("the package MMSA is not on the path; run this through scripts/experiments.sh")
    return Path(next(iter(spec.submodule_search_locations)))


def arguments(name: str, train: Sequences) -> _Arguments:
    """MMSA's configuration of the model for MOSI, with the widths of these features."""
    config = json.loads((home() / "config" / "config_regression.json").read_text())[NETS[name].lower()]
    widths = [values.shape[2] for values, _ in train.streams]
    fixed = {"feature_dims": widths, "train_mode": "regression", "use_bert": False}
    return _Arguments(config["commonParams"] | config["datasetParams"]["mosi"] | fixed)


def net(name: str, args: _Arguments) -> nn.Module:
    """A new net of MMSA."""
    _without_init()
    module = importlib.import_module(f"MMSA.models.singleTask.{NETS[name]}")
    made: nn.Module = getattr(module, NETS[name])(args)
    return made


def _without_init() -> None:
    """Make MMSA's packages importable without running their __init__ files."""
    root = home()
    for name in ("MMSA", "MMSA.models", "MMSA.models.singleTask", "MMSA.models.subNets"):
        if name not in sys.modules:
            package = types.ModuleType(name)
            package.__path__ = [str(root.joinpath(*name.split(".")[1:]))]
            sys.modules[name] = package
    shared = sys.modules["MMSA.models.subNets"]
    features = importlib.import_module("MMSA.models.subNets.FeatureNets")
    shared.__dict__.update(SubNet=features.SubNet, TextSubNet=features.TextSubNet, BertTextEncoder=None)
