"""`valence-train` on a tiny file of MMSA's layout, end to end."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import sequences_material as material
import torch

from valence_training.data import mmsa
from valence_training.data.sequences import Split
from valence_training.metrics import Metrics
from valence_training.sequences import __main__ as program
from valence_training.sequences.batches import clips
from valence_training.sequences.fusion import FusionLearner, Settings
from valence_training.sequences.loop import Budget, fit, predict

SETTINGS = Settings(net={"d": 16}, rate=3e-3)
BUDGET = Budget(epochs=4, patience=4, batch=8)


def train(path: Path, output: Path, budget: Budget = BUDGET) -> dict[Split, Metrics]:
    return program.run(mmsa.load(path), SETTINGS, budget, output, "tiny")


@pytest.mark.parametrize("aligned", [True, False])
def test_it_trains_on_either_file_and_prints_the_figures(
    tmp_path: Path, aligned: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, output = material.write(tmp_path / "tiny.pkl", aligned), tmp_path / "out"
    arguments = ["--data", path, "--output", output, "--epochs", 12, "--width", 16, "--rate", 5e-3, "--batch", 8]
    monkeypatch.setattr(sys, "argv", ["valence-train", *map(str, arguments)])
    program.main()
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["MAE", "valid", "test"]
    figures = json.loads((output / "metrics.json").read_text())["test"]
    assert figures["mae"] < 1.2  # the median has 1.7
    with (output / "predictions.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "test"]
    error = np.mean([abs(float(row["target"]) - float(row["predicted"])) for row in rows])
    assert error == pytest.approx(figures["mae"], abs=1e-3)


def test_a_run_that_was_stopped_ends_as_one_that_was_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = material.write(tmp_path / "tiny.pkl", aligned=False)
    train(path, tmp_path / "whole")
    scores, epochs = FusionLearner.scores, []

    def stop(self: FusionLearner, batch: object) -> torch.Tensor:
        epochs.append(1)
        if len(epochs) == 3:
            raise KeyboardInterrupt
        return scores(self, batch)  # type: ignore[arg-type]

    monkeypatch.setattr(FusionLearner, "scores", stop)
    with pytest.raises(KeyboardInterrupt):
        train(path, tmp_path / "stopped")
    monkeypatch.setattr(FusionLearner, "scores", scores)
    train(path, tmp_path / "stopped")
    for name in ("predictions.csv", "metrics.json"):
        assert (tmp_path / "whole" / name).read_text() == (tmp_path / "stopped" / name).read_text()
    whole, stopped = (
        torch.load(tmp_path / run / "checkpoint.pt", weights_only=True)["learner"] for run in ("whole", "stopped")
    )
    assert all(torch.equal(whole[name], stopped[name]) for name in whole)


def test_a_run_of_other_settings_is_not_gone_on_with(tmp_path: Path) -> None:
    path = material.write(tmp_path / "tiny.pkl", aligned=True)
    train(path, tmp_path / "out", Budget(epochs=1, batch=8))
    with pytest.raises(ValueError, match="choose another --output"):
        train(path, tmp_path / "out")


def test_a_bad_file_ends_with_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["valence-train", "--data", str(tmp_path / "none.pkl")])
    with pytest.raises(SystemExit, match=r"valence-train: .*none\.pkl: there is no such file"):
        program.main()


def test_a_clip_keeps_a_stream_that_it_has_when_streams_are_dropped(tmp_path: Path) -> None:
    data = mmsa.load(material.write(tmp_path / "tiny.pkl", aligned=True))
    learner = FusionLearner(SETTINGS, data, 1)
    torch.manual_seed(0)
    present = torch.tensor([[0.0, 1.0, 1.0]]).repeat(400, 1)
    kept = learner.drop(present)
    assert (kept <= present).all()
    assert kept.any(dim=1).all()
    assert 0.5 < kept[:, 1].mean() < 0.95


def test_padding_and_the_batch_do_not_change_a_prediction(tmp_path: Path) -> None:
    data = mmsa.load(material.write(tmp_path / "tiny.pkl", aligned=False))
    learner = FusionLearner(SETTINGS, data, 1)
    together, alone = predict(learner, clips(data)), predict(learner, clips(data), size=1)
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)


def test_the_teacher_is_what_predicts_and_stays_in_evaluation_mode(tmp_path: Path) -> None:
    data = mmsa.load(material.write(tmp_path / "tiny.pkl", aligned=True))
    learner = FusionLearner(SETTINGS, data, 1)
    before = predict(learner, clips(data))
    fit(learner, clips(data), clips(data), Budget(epochs=2, batch=8))
    assert not torch.equal(before, predict(learner, clips(data)))
    assert not learner.train().teacher.training
    assert learner.student.training
    assert not any(p.requires_grad for p in learner.teacher.parameters())


def test_the_vectors_of_any_text_encoder_go_through_the_whole_net(tmp_path: Path) -> None:
    data = mmsa.load(material.write(tmp_path / "tiny.pkl", aligned=True))
    inputs = clips(data).inputs
    alone = inputs._replace(present=torch.tensor([[1.0, 0.0, 0.0]]).expand(len(data), 3))
    with torch.no_grad():
        out = FusionLearner(SETTINGS, data, 1).net.eval()(alone)
    assert out.score.std() > 0.01
    assert out.unimodal_scores[:, 0].std() > 0.01
