"""The share of a stream follows what the score loses without it; known texts are read as unknown ones."""

from __future__ import annotations

import numpy as np
import torch
from fusion_material import material
from test_fusion_model import run, shaken_net, windows

from valence_training.fusion import shares
from valence_training.fusion.model import FusionConfig, Inputs
from valence_training.fusion.train import TrainConfig, Trainer
from valence_training.fusion.windows import utterance


def mixed() -> list[Inputs]:
    return [windows((0, 1, 2), 8), windows((0, 1), 8), windows((1, 2), 8), windows((2,), 8)]


def test_fitting_shares_changes_nothing_else() -> None:
    net = shaken_net()
    before = run(net, windows((0, 1, 2)))
    shares.fit(net, mixed())
    after = run(net, windows((0, 1, 2)))
    for field in before._fields:
        if field != "modality_gate":
            assert torch.equal(getattr(before, field), getattr(after, field)), field
    assert not torch.equal(before.modality_gate, after.modality_gate)


def test_a_stream_whose_loss_changes_nothing_hardly_counts() -> None:
    net = shaken_net()
    with torch.no_grad():
        for layer in net.coattention:
            layer.gate[0].weight.zero_()
            layer.gate[0].bias.fill_(-20.0)
        net.side_scale[0] = 0.0
    shares.fit(net, mixed())
    gate = run(net, windows((0, 1, 2))).modality_gate
    assert gate[:, 1].max() < 0.02
    torch.testing.assert_close(gate.sum(dim=1), torch.ones(3))


def test_a_known_text_is_moved_as_far_as_an_unknown_one_is_misread() -> None:
    trainer = Trainer(
        TrainConfig(reading=0.8), material(20), material(), FusionConfig(encoder_layers=1, fusion_layers=1)
    )
    random = np.random.default_rng(0)
    texts = [utterance(v, i) for v, i in trainer.segments] * 5
    direction = trainer.score_direction
    read = [trainer._misread(text, random).values.mean(axis=0) @ direction for text in texts]
    known = [text.values.mean(axis=0) @ direction for text in texts]
    scores = [text.score for text in texts]
    assert np.corrcoef(known, scores)[0, 1] > 0.95
    assert 0.7 < np.corrcoef(read, scores)[0, 1] < 0.87


def test_perfect_reading_moves_nothing() -> None:
    trainer = Trainer(TrainConfig(reading=1.0), material(), material(), FusionConfig(encoder_layers=1, fusion_layers=1))
    text = utterance(trainer.train.videos[0], 0)
    np.testing.assert_array_equal(trainer._misread(text, np.random.default_rng(0)).values, text.values)
