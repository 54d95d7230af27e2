"""No fold is tested on what it was trained on, and the summary says what the answers say."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from fusion_material import voice

from valence_training.audio import folds
from valence_training.audio.scoring import Answer
from valence_training.audio.train import TrainConfig
from valence_training.data import emodb, ravdess
from valence_training.data.emotions import polarity
from valence_training.fairness import sex
from valence_training.fusion.material import Voice


def everybody() -> list[Voice]:
    found = []
    for corpus, speakers, emotions in (
        ("ravdess", ravdess.ACTORS, ravdess.EMOTIONS),
        ("emodb", emodb.SPEAKERS, emodb.EMOTIONS),
    ):
        for speaker in speakers:
            for i, emotion in enumerate(emotions):
                made = voice(speaker, emotion, i, steps=12)
                sentence = folds.SENTENCES[i % 2]
                clip = replace(made.clip, id=f"{corpus}/{speaker}-{i}", corpus=corpus, sentence=sentence)
                found.append(replace(made, clip=clip))
    return found


VOICES = everybody()


@pytest.mark.parametrize("cell", folds.cells(), ids=lambda cell: cell.name)
def test_a_cell_never_trains_on_its_test(cell: folds.Cell) -> None:
    train, test = [v for v in VOICES if cell.train(v)], [v for v in VOICES if cell.test(v)]
    assert train
    assert test
    assert not {v.speaker for v in train} & {v.speaker for v in test}
    if cell.name.startswith("sentence"):
        new = {(v.clip.corpus, v.clip.sentence) for v in test}
        assert len(new) == 1
        assert not new & {(v.clip.corpus, v.clip.sentence) for v in train}


def test_every_clip_is_tested_once_in_each_protocol() -> None:
    for kind, corpora in (("fold", ("ravdess", "emodb")), ("sentence", ("ravdess",))):
        some = [cell for cell in folds.cells() if cell.name.startswith(kind)]
        tested = Counter(v.clip.id for cell in some for v in VOICES if cell.test(v))
        assert tested == {v.clip.id: 1 for v in VOICES if v.clip.corpus in corpora}


def test_the_summary_counts_answers() -> None:
    truth = {v.clip.id: v for v in VOICES}

    def right(v: Voice) -> Answer:
        sign = 0 if v.clip.emotion == "surprised" else polarity(v.piece.score)
        return Answer(v.clip.id, 0, v.clip.emotion, sign, sign)

    def wrong_about_women(v: Voice) -> Answer:
        return right(v) if sex(v.speaker) == "male" else Answer(v.clip.id, 0, "neutral", 1, 1)

    answered = {c.name: [wrong_about_women(v) for v in VOICES if c.test(v)] for c in folds.cells()}
    for some in answered.values():
        some += [Answer(a.clip, 1, "angry", 0, 0) for a in some]
    found = folds.of_seed(answered, truth)
    assert found["RAVDESS, men: polarity"] == 100
    assert found["RAVDESS, on a line: polarity"] == pytest.approx(100 / 3)
    assert found["RAVDESS, women: polarity"] == pytest.approx(100 / 3)
    assert found["EMO-DB, women: emotion"] == pytest.approx(100 / 7)
    assert found["RAVDESS: polarity"] == pytest.approx((100 + 100 / 3) / 2)
    assert found["RAVDESS: polarity, deviation over folds"] == pytest.approx(0)
    twice = folds.summary([found, {name: value + 2 for name, value in found.items()}])
    assert twice["RAVDESS, men: polarity"]["mean"] == 101
    assert twice["RAVDESS, men: polarity"]["deviation"] == pytest.approx(2**0.5)
    assert "RAVDESS -> EMO-DB: polarity" in folds.table(twice)


def test_a_cell_is_trained_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cell = folds.cells()[0]
    config = TrainConfig(epochs=1, batch=50)
    first = folds.run(cell, config, VOICES, tmp_path)
    assert {a.clip for a in first} == {v.clip.id for v in VOICES if cell.test(v)}
    monkeypatch.delattr(folds, "Trainer")
    assert folds.run(cell, config, VOICES, tmp_path) == first
    assert [p.name for p in tmp_path.iterdir()] == ["fold-0.json"]
