"""The field's nets, by MMSA's own code where it is installed (scripts/experiments.sh)."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from valence_training.data.sequences import Sequences, no_stream, stream
from valence_training.experiments import peers
from valence_training.sequences.batches import clips
from valence_training.sequences.loop import Budget, fit, predict

needs_mmsa = pytest.mark.skipif(
    importlib.util.find_spec("MMSA") is None, reason="MMSA is not here: scripts/experiments.sh installs it"
)


def data() -> Sequences:
    random = np.random.default_rng(0)
    target = random.uniform(-3, 3, 16).astype(np.float32)
    made = [stream(random.standard_normal((16, 8, width)) * 0.3 + target[:, None, None]) for width in (5, 4)]
    names = tuple(f"clip{i}" for i in range(16))
    return Sequences((no_stream(16, 6), made[0], made[1]), target, names, names, ("train",) * 16)


@needs_mmsa
@pytest.mark.parametrize("name", peers.NETS)
def test_each_net_of_mmsa_learns_in_the_common_loop(name: str) -> None:
    everything, learner = clips(data()), peers.Peer(name, data(), 1)
    assert type(learner.net).__module__.startswith("MMSA.models.singleTask.")
    before = predict(learner, everything)
    state = fit(learner, everything, everything, Budget(epochs=2, patience=2, batch=8))
    assert not before.equal(predict(learner, everything))
    assert 0 < state.best < 3


@needs_mmsa
def test_a_peer_is_given_standardised_features_and_zeros_for_the_text() -> None:
    learner = peers.Peer("MulT", data(), 1)
    text, audio, _ = (learner._features(m, clips(data())) for m in range(3))
    assert text.shape == (16, 8, 6)
    assert not text.any()
    assert abs(float(audio.mean())) < 1e-5
    assert abs(float(audio.std()) - 1) < 0.05


def test_without_mmsa_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    peers.home.cache_clear()
    with pytest.raises(ModuleNotFoundError, match=r"scripts/experiments\.sh"):
        peers.home()
