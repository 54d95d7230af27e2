"""Training is repeatable, goes on where it stopped, and learns."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from fusion_material import material
from torch import nn

from valence_training.audio import train as audio
from valence_training.fusion.model import FusionConfig
from valence_training.fusion.pairing import AUDIO
from valence_training.fusion.reading import Line
from valence_training.fusion.train import TrainConfig, Trainer

CONFIG = TrainConfig(warm_epochs=1, epochs=3, batch=8)
SMALL = FusionConfig(encoder_layers=1, fusion_layers=1, dropout=0.0)


def trainer(config: TrainConfig = CONFIG) -> Trainer:
    return Trainer(config, material(), material(), SMALL)


def assert_equal(a: nn.Module, b: nn.Module) -> None:
    for (key, left), right in zip(a.state_dict().items(), b.state_dict().values(), strict=True):
        assert torch.equal(left, right), key


def test_the_same_seed_gives_the_same_net(tmp_path: Path) -> None:
    assert_equal(trainer().run(tmp_path / "a.pt"), trainer().run(tmp_path / "b.pt"))


def test_a_run_that_was_stopped_ends_as_if_it_had_not_been(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unbroken, stopped, resumed = trainer(), trainer(), trainer()
    whole = unbroken.run(tmp_path / "whole.pt")
    save = stopped._save

    def save_and_stop(path: Path) -> None:
        save(path)
        if stopped.epoch == 3:  # after an epoch of momentum distillation
            raise KeyboardInterrupt

    monkeypatch.setattr(stopped, "_save", save_and_stop)
    with pytest.raises(KeyboardInterrupt):
        stopped.run(tmp_path / "parts.pt")
    assert any(queue.here.any() for queue in stopped.teaching.queues)
    assert_equal(whole, resumed.run(tmp_path / "parts.pt"))
    assert_equal(unbroken.teaching.student, resumed.teaching.student)
    for left, right in zip(unbroken.teaching.queues, resumed.teaching.queues, strict=True):
        assert_equal(left, right)


def test_words_are_read_along_their_encoders_line_from_start_to_end(tmp_path: Path) -> None:
    line = Line(torch.linspace(-0.1, 0.1, SMALL.shapes[0].width), torch.tensor(0.3))
    trained = Trainer(replace(CONFIG, epochs=1), material(), material(), SMALL, line=line).run(tmp_path / "a.pt")
    assert trained.reading is not None
    assert torch.equal(trained.reading.direction.squeeze(1), line.weight)
    assert trained.reading.offset == line.bias


def test_a_checkpoint_of_other_settings_is_refused(tmp_path: Path) -> None:
    trainer().run(tmp_path / "a.pt")
    with pytest.raises(ValueError, match="other settings"):
        trainer(replace(CONFIG, epochs=4)).run(tmp_path / "a.pt")


def test_a_checkpoint_of_another_net_is_refused(tmp_path: Path) -> None:
    trainer().run(tmp_path / "a.pt")
    other = Trainer(CONFIG, material(), material(), replace(SMALL, anchor=False))
    with pytest.raises(ValueError, match="other settings"):
        other.run(tmp_path / "a.pt")


def test_it_learns_what_the_voices_say() -> None:
    untrained = trainer().validate()
    learned = trainer(TrainConfig(warm_epochs=30, epochs=0, batch=8, average=0.9))
    learned.run_warm_up()
    found = learned.validate()
    assert found.audio_mae < 0.7 * untrained.audio_mae


def test_the_voice_of_net_and_teacher_is_held_as_its_own_net_knew_it(tmp_path: Path) -> None:
    path = tmp_path / "start.pt"
    voice = audio.Trainer(audio.TrainConfig(epochs=1, batch=5), material().voices).run(path)
    begun = Trainer(CONFIG, material(), material(), start=path)
    begun.run(tmp_path / "run.pt")
    for net in (begun.net, begun.average):
        assert_equal(voice.encoder, net.encoders[AUDIO])
        assert_equal(voice.pool, net.pools[AUDIO])
        assert_equal(voice.score, net.unimodal_score[AUDIO])
        assert_equal(voice.polarity, net.unimodal_polarity[AUDIO])
