"""What was said before as context: only the past counts, and a line finds what it is worth."""

import numpy as np
import pytest

from valence_training.data import mosi
from valence_training.experiments.context import PRIOR, over_folds, with_before


def segment(video: str, number: int, score: float) -> mosi.Segment:
    return mosi.Segment(f"{video}_{number}", video, number, number, number + 1, score, "train", "")


def test_a_segment_sees_what_the_same_speaker_said_before_it_and_nothing_else() -> None:
    rows = [segment("a", 2, 0), segment("b", 1, 0), segment("a", 1, 0), segment("a", 3, 0)]
    scores = {"a_1": 2.0, "a_2": -1.0, "a_3": 3.0, "b_1": 1.0}
    seen = with_before(rows, scores)
    assert seen[:, 0].tolist() == [-1.0, 1.0, 2.0, 3.0]
    assert seen[:, 1].tolist() == pytest.approx([2 / (1 + PRIOR), 0, 0, 1 / (2 + PRIOR)])


def test_a_line_finds_what_the_past_is_worth_on_folds_that_did_not_fit_it() -> None:
    random = np.random.default_rng(0)
    rows, scores = [], {}
    for video in range(60):
        mood = random.normal()
        for number in range(12):
            truth = mood + 0.3 * random.normal()
            rows.append(segment(f"v{video}", number, truth))
            scores[f"v{video}_{number}"] = truth + random.normal()
    folds = [{name: s for name, s in scores.items() if int(name[1:].split("_")[0]) % 5 == n} for n in range(5)]
    found = over_folds(rows, folds)
    assert found["with what was said before"].mae < 0.8 * found["a line"].mae < 0.8 * found["as they are"].mae
    assert found["as they are"].count == len(rows)
