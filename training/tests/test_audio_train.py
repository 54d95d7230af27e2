"""The audio net learns from voices, the same way every time, and can start the fusion's audio stream."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from fusion_material import voice, voices

from valence_training.audio import scoring, train
from valence_training.audio.encoder import EMOTIONS, SPOKEN, AudioNet, emotion_probabilities, signs_of
from valence_training.audio.scoring import answers, figures
from valence_training.audio.start import load_audio_start
from valence_training.audio.train import TrainConfig, Trainer
from valence_training.audio.windows import Marring, VoiceBatches, collate, weights, window_of
from valence_training.data.emotions import polarity
from valence_training.fusion.heldout import speech
from valence_training.fusion.model import FusionConfig, FusionNet
from valence_training.fusion.pairing import AUDIO
from valence_training.fusion.pairing import collate as collate_fusion

CONFIG = TrainConfig(epochs=30, batch=10)


def test_surprise_has_no_polarity_and_no_score() -> None:
    window = window_of(voice("s", "surprised", 1))
    assert window.emotion[EMOTIONS.index("surprised")] == 1
    assert not window.polarity.any()
    assert np.isnan(window.score)
    assert window_of(voice("s", "sad", 1)).polarity.tolist() == [1, 0, 0]


def test_the_emotions_and_the_polarities_of_a_corpus_weigh_the_same() -> None:
    found = voices()
    weight = weights(found)
    emotion: dict[str, float] = {}
    sign: dict[int, float] = {}
    for v in found:
        emotion[v.clip.emotion] = emotion.get(v.clip.emotion, 0.0) + weight[v.clip.id][0]
        if np.isfinite(v.piece.score):
            p = polarity(v.piece.score)
            sign[p] = sign.get(p, 0.0) + weight[v.clip.id][1]
    assert len(set(np.round(list(emotion.values()), 6))) == 1
    assert len(set(np.round(list(sign.values()), 6))) == 1
    assert all(weight[v.clip.id][1] == 0 for v in found if v.clip.emotion == "surprised")


def test_each_clip_comes_once_an_epoch_and_keeps_speech() -> None:
    found = voices(4)
    source = VoiceBatches(found, Marring(longest=10))
    batches = list(source.epoch(10, np.random.default_rng(0)))
    assert [len(batch.x) for batch in batches] == [10, 10]
    assert sum(float(batch.emotion.sum()) for batch in batches) == 20
    assert all(bool((batch.mask.sum(dim=1) >= 5).all()) for batch in batches)


def test_an_emotion_that_the_corpus_lacks_is_not_pushed_down() -> None:
    batch = collate([window_of(voice("s", "sad", 1))])
    net = AudioNet()
    train.loss(net(batch.x, batch.mask), batch, CONFIG).backward()
    gradient = net.emotion.bias.grad
    assert gradient is not None
    assert gradient[EMOTIONS.index("bored")] == 0
    assert gradient[EMOTIONS.index("calm")] > 0
    assert SPOKEN["ravdess"].sum() == 8
    assert SPOKEN["emodb"].sum() == 7


def test_padding_changes_no_answer() -> None:
    net = AudioNet().eval()
    short, long = window_of(voice("s", "sad", 1, steps=12)), window_of(voice("s", "sad", 2, steps=40))
    alone, padded = (collate(windows) for windows in ([short], [short, long]))
    with torch.inference_mode():
        torch.testing.assert_close(net(alone.x, alone.mask).score, net(padded.x, padded.mask).score[:1])


def test_a_polarity_also_hears_what_the_net_took_second(monkeypatch: pytest.MonkeyPatch) -> None:
    net, logits = AudioNet(), torch.zeros(len(EMOTIONS))
    logits[EMOTIONS.index("angry")], logits[EMOTIONS.index("happy")] = 5.0, 3.4
    with torch.no_grad():
        net.emotion.weight.zero_()
        net.emotion.bias.copy_(logits)
    heard = [answers(net, [voice("s", "happy", 1)])[0]]
    monkeypatch.setattr(scoring, "SOFTENED", 1.0)
    heard += answers(net, [voice("s", "happy", 1)])
    assert [answer.emotion for answer in heard] == ["angry", "angry"]
    assert [answer.polarity for answer in heard] == [2, 0]


def test_emotions_say_a_polarity_in_which_no_number_of_emotions_leads() -> None:
    possible = SPOKEN["ravdess"].unsqueeze(0)
    probabilities = emotion_probabilities(torch.zeros(1, len(EMOTIONS)), possible)
    assert probabilities[0, EMOTIONS.index("bored")] == 0
    assert probabilities.sum() == pytest.approx(1.0)
    assert signs_of(probabilities, possible).tolist() == [pytest.approx([0.125] * 3)]


def test_a_net_answers_no_emotion_that_it_was_not_trained_on() -> None:
    stranger = voice("e", "bored", 5)
    stranger = replace(stranger, clip=replace(stranger.clip, corpus="emodb"))
    trainer = Trainer(CONFIG, voices())
    assert torch.equal(trainer.average.known, SPOKEN["ravdess"])
    with torch.no_grad():
        trainer.average.emotion.bias[EMOTIONS.index("bored")] = 100.0
    assert answers(trainer.average, [stranger])[0].emotion != "bored"


def test_it_learns_and_answers_for_strangers() -> None:
    net = Trainer(replace(CONFIG, epochs=12), voices(40)).run()
    strangers = [voice("new", e, 900 + i) for i, e in enumerate(("happy", "neutral", "sad", "angry"))]
    found = figures(answers(net, strangers), {v.clip.id: v for v in strangers})
    assert found["polarity"] == 100


def test_a_killed_run_goes_on_to_the_same_net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "SAVE_EVERY", 1)
    config = replace(CONFIG, epochs=4)
    whole = Trainer(config, voices()).run()
    path = tmp_path / "run.pt"
    killed = Trainer(config, voices())
    save = killed._save

    def die(path: Path) -> None:
        save(path)
        if killed.epoch == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(killed, "_save", die)
    with pytest.raises(KeyboardInterrupt):
        killed.run(path)
    again = Trainer(config, voices()).run(path)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
    with pytest.raises(ValueError, match="other settings"):
        Trainer(replace(config, rate=1.0), voices()).run(path)


def test_a_fusion_net_starts_with_what_the_audio_net_says(tmp_path: Path) -> None:
    path = tmp_path / "start.pt"
    found = voices()
    audio = Trainer(replace(CONFIG, epochs=2), found).run(path)
    net = FusionNet().eval()
    text = {k: v.clone() for k, v in net.encoders[0].state_dict().items()}
    load_audio_start(net, path)
    known = [v for v in found if np.isfinite(v.piece.score)]
    batch = collate_fusion(speech(known))
    with torch.inference_mode():
        fused = net(batch.inputs)
        heard = audio(batch.inputs.audio, batch.inputs.audio_mask)
    torch.testing.assert_close(fused.unimodal_scores[:, AUDIO], heard.score)
    torch.testing.assert_close(fused.unimodal_logits[:, AUDIO], heard.polarity)
    assert all(torch.equal(value, net.encoders[0].state_dict()[name]) for name, value in text.items())


def test_a_start_of_other_sizes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "start.pt"
    Trainer(replace(CONFIG, epochs=1), voices()).run(path)
    with pytest.raises(ValueError, match="does not fit"):
        load_audio_start(FusionNet(FusionConfig(d=32)), path)
