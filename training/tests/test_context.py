"""What was said before as context: only the past counts, by its time, and the folds find what it is worth."""

import numpy as np
import pytest

from valence_training.data import mosi
from valence_training.experiments.context import PRIOR, over_folds, scored, segments, windows


def segment(video: str, start: float, score: float, length: float = 1.0) -> mosi.Segment:
    return mosi.Segment(f"{video}_{start:g}", video, int(start), start, start + length, score, "train", "")


def test_a_segment_hears_what_the_same_speaker_said_in_the_last_half_minute() -> None:
    rows = [segment("a", 9, 0), segment("b", 1, 0), segment("a", 1, 0, 3.0), segment("a", 31.5, 0), segment("a", 70, 0)]
    scores = {"a_1": 2.0, "a_9": -1.0, "a_31.5": 3.0, "a_70": 1.0, "b_1": 1.0}
    own, before, _ = segments(rows, scores).T
    assert own.tolist() == [2.0, -1.0, 3.0, 1.0, 1.0]
    heard = [0, 3 / (3 + PRIOR) * 2, 3.5 / (3.5 + PRIOR) * (2.5 * 2 - 1) / 3.5, 0, 0]
    assert before.tolist() == pytest.approx(heard)
    assert scored(segments(rows, scores), 0.5)[1] == pytest.approx(-1 + 0.5 * heard[1])


def test_a_window_weighs_its_segments_by_overlap_and_hears_none_of_them_twice() -> None:
    rows = [segment("a", 0, -2.0, 4.0), segment("a", 6, 1.0, 4.0)]
    table = windows(rows, {row.id: row.score for row in rows})
    own, before, label = table[8]  # the window that ends at 10 s: [2, 10)
    assert own == pytest.approx(label) == pytest.approx((2 * -2.0 + 4 * 1.0) / 6)
    assert before == pytest.approx(2 / (2 + PRIOR) * -2.0)


def test_folds_tell_a_speaker_with_a_mood_from_one_without() -> None:
    random = np.random.default_rng(0)
    for mood, helps in ((1.0, True), (0.0, False)):
        rows, scores = [], {}
        for video in range(60):
            usual = mood * random.normal()
            for number in range(12):
                row = segment(f"v{video}", 3 * number, usual + 0.3 * random.normal(), 2.0)
                rows.append(row)
                scores[row.id] = 0.7 * row.score + 0.5 * random.normal()
        found = {row["share"]: row for row in over_folds(rows, scores)}
        alone, leaning = found[0.0], found[0.2]
        assert (leaning["mae"] < 0.99 * alone["mae"]) == helps
        assert (leaning["windows_mae"] < 0.99 * alone["windows_mae"]) == helps
