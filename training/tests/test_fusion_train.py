"""Training is repeatable, goes on where it stopped, and learns."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from fusion_material import material

from valence_training.fusion.model import FusionConfig, FusionNet
from valence_training.fusion.train import TrainConfig, Trainer

CONFIG = TrainConfig(warm_epochs=1, epochs=2, batch=8)
SMALL = FusionConfig(encoder_layers=1, fusion_layers=1, dropout=0.0)


def trainer(config: TrainConfig = CONFIG) -> Trainer:
    return Trainer(config, material(), material(), SMALL)


def assert_equal(a: FusionNet, b: FusionNet) -> None:
    for (key, left), right in zip(a.state_dict().items(), b.state_dict().values(), strict=True):
        assert torch.equal(left, right), key


def test_the_same_seed_gives_the_same_net(tmp_path: Path) -> None:
    assert_equal(trainer().run(tmp_path / "a.pt"), trainer().run(tmp_path / "b.pt"))


def test_a_run_that_was_stopped_ends_as_if_it_had_not_been(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = trainer().run(tmp_path / "whole.pt")
    stopped = trainer()
    save = stopped._save

    def save_and_stop(path: Path) -> None:
        save(path)
        if stopped.epoch == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(stopped, "_save", save_and_stop)
    with pytest.raises(KeyboardInterrupt):
        stopped.run(tmp_path / "parts.pt")
    assert_equal(whole, trainer().run(tmp_path / "parts.pt"))


def test_a_checkpoint_of_other_settings_is_refused(tmp_path: Path) -> None:
    trainer().run(tmp_path / "a.pt")
    with pytest.raises(ValueError, match="other settings"):
        trainer(TrainConfig(warm_epochs=1, epochs=3, batch=8)).run(tmp_path / "a.pt")


def test_it_learns_what_the_voices_say() -> None:
    untrained = trainer().validate()
    learned = trainer(TrainConfig(warm_epochs=30, epochs=0, batch=8, average=0.9))
    learned.run_warm_up()
    found = learned.validate()
    assert found.audio_mae < 0.7 * untrained.audio_mae
