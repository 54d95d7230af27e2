"""Women and men are told apart as the corpora say, and a difference is found with its error."""

from __future__ import annotations

import numpy as np
import pytest

from valence_training import fairness
from valence_training.data import emodb, ravdess
from valence_training.fusion.scoring import Scored


def scored(target: np.ndarray, error: np.ndarray) -> Scored:
    count = len(target)
    guess = np.digitize(target + error, [-0.5, 0.5])
    return Scored(
        score=(target + error).astype(np.float32),
        polarity_probs=np.eye(3, dtype=np.float32)[guess],
        unimodal_scores=np.zeros((count, 3), np.float32),
        modality_gate=np.zeros((count, 3), np.float32),
        log_b=np.zeros(count, np.float32),
        target=target.astype(np.float32),
    )


def test_every_speaker_has_the_sex_that_its_corpus_states() -> None:
    assert [fairness.sex(f"ravdess-{n:02d}") for n in (1, 2, 24)] == ["male", "female", "female"]
    assert [fairness.sex(f"emodb-{n}") for n in ("03", "08", "15", "16")] == ["male", "female", "male", "female"]
    counts = [[fairness.sex(s) for s in corpus].count("female") for corpus in (ravdess.ACTORS, emodb.SPEAKERS)]
    assert counts == [12, 5]
    with pytest.raises(KeyError):
        fairness.sex("somebody")


def test_a_sex_that_is_read_worse_shows_it_beyond_the_error() -> None:
    random = np.random.default_rng(0)
    speakers = [f"ravdess-{n:02d}" for n in range(1, 13) for _ in range(30)]
    women = np.array([fairness.sex(s) == "female" for s in speakers])
    target = random.choice([-2.0, 0.0, 2.0], len(speakers))
    found = fairness.by_sex(scored(target, random.normal(0, np.where(women, 2.0, 0.3))), speakers)
    assert (found["female"]["speakers"], found["female"]["clips"]) == (6, 180)
    assert found["male"]["mae"] < 0.4 < found["female"]["mae"]
    assert found["male"]["coverage"] > 0.95 > found["female"]["coverage"]
    difference = found["difference"]
    assert difference["uar"] < -3 * difference["standard_error"]["uar"]
    assert difference["mae"] > 3 * difference["standard_error"]["mae"]


def test_two_speakers_of_a_sex_have_figures_but_no_error() -> None:
    speakers = [s for s in ("emodb-15", "emodb-16") for _ in range(10)]
    found = fairness.by_sex(scored(np.tile([-2.0, 2.0], 10), np.zeros(20)), speakers)
    assert found["female"]["uar"] == 100.0
    assert "standard_error" not in found["female"]
    assert "standard_error" not in found["difference"]
