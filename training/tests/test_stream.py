from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from valence_training.data.mosi import Segment, Word
from valence_training.experiments import stream, transcripts
from valence_training.experiments.series import Spans, Spoken, delay
from valence_training.experiments.stream_rows import WINDOW, rows
from valence_training.fusion.reading import CONTEXT
from valence_training.metrics import concordance
from valence_training.paths import BUNDLE, REPO


def word(start: float, end: float, text: str = "so") -> Word:
    return Word("v", start, end, text)


def segment(number: int, start: float, end: float, score: float) -> Segment:
    return Segment(f"v_{number}", "v", number, start, end, score, "test", "")


# Ten words of a second each; a pause after the fourth; the first three and the last four are labelled.
WORDS = [word(i, i + 0.9, f"w{i}") for i in range(4)] + [word(3.9, 5, "sp")] + [word(i, i + 0.9) for i in range(5, 11)]
SEGMENTS = [segment(1, 0.0, 3.0, 1.0), segment(2, 7.0, 11.0, -2.0)]


def test_pauses_cut_a_transcript_and_are_no_words() -> None:
    cues = transcripts.by_pauses(WORDS)
    assert [len(cue) for cue in cues] == [4, 6]
    assert [len(cue) for cue in transcripts.by_pauses(WORDS, 2.0)] == [10]


def test_labelled_segments_cut_a_transcript_and_no_word_is_lost() -> None:
    cues = transcripts.by_labels(WORDS, SEGMENTS)
    assert [(cue[0].start, len(cue)) for cue in cues] == [(0, 3), (3, 1), (5, 2), (7, 4)]
    assert [len(cue) for cue in transcripts.by_labels(WORDS, SEGMENTS, others=False)] == [3, 4]


def test_what_is_heard_at_a_moment_holds_no_word_that_has_not_ended() -> None:
    cues = transcripts.heard(transcripts.by_pauses(WORDS), 7.0)
    assert [len(cue) for cue in cues] == [4, 2]
    assert max(w.end for cue in cues for w in cue) <= 7.0


def test_snapshots_place_what_was_known_before_the_end_of_a_window_of_their_own() -> None:
    cues = transcripts.by_pauses(WORDS)
    for cue in stream.snapshots(cues, range(2, 12), 0.0):
        moment = round(cue[-1].end / stream.SPACING) - 1
        assert cue[-1].end <= stream.place(moment)
        assert cue[-1].end > stream.place(moment) - WINDOW - CONTEXT
    whole = stream.snapshots(cues, [11], 0.0)
    assert min(w.start for cue in whole for w in cue) == pytest.approx(stream.place(11) - 11 + cues[0][0].start)
    later = stream.snapshots(cues, [7], 2.0)
    assert max(w.end for cue in later for w in cue) == pytest.approx(stream.place(7) + 1.9)


def test_a_segment_too_long_for_the_copies_is_refused() -> None:
    endless = tuple(word(i, i + 1) for i in range(200))
    with pytest.raises(ValueError, match="too long"):
        stream.snapshots([endless], [150], 0.0)


def test_a_window_has_the_mean_of_its_labels_by_overlap_and_none_without_one() -> None:
    labels = Spans(np.array([[0.0, 3.0], [7.0, 11.0]]), np.array([1.0, -2.0]))
    over = labels.over(np.array([8.0, 30.0]), 8.0)
    assert over[0] == pytest.approx((3 * 1.0 + 1 * -2.0) / 4)
    assert np.isnan(over[1])
    at = labels.at(np.array([2.9, 3.0, 7.0]))
    assert (at[0], at[2]) == (1.0, -2.0)
    assert np.isnan(at[1])


def test_words_without_a_label_count_for_cover_and_not_for_the_mean() -> None:
    spoken = Spoken(np.array([0.5, 1.5, 2.5]), np.array([1.0, np.nan, 2.0]))
    assert spoken.over(np.array([4.0]), 8.0)[0] == pytest.approx(1.5)
    assert spoken.known(np.array([4.0]), 8.0)[0] == pytest.approx(2 / 3)


def test_delay_is_found_within_a_video_whatever_its_level() -> None:
    random = np.random.default_rng(0)
    ends = np.arange(10.0, 120.0, 0.5)
    series = []
    for level in (-2.0, 2.0):
        labels = Spans(np.stack([np.arange(0.0, 130, 5), np.arange(5.0, 135, 5)], axis=1), random.normal(level, 1, 26))
        series.append((ends, -level + labels.at(ends - 3.0), labels.at))
    lag, r = delay(series)
    assert lag == 3.0
    assert r == pytest.approx(1.0)


def test_concordance_falls_with_bias_and_scale() -> None:
    y = np.array([-1.0, 0.0, 1.0])
    assert concordance(y, y) == pytest.approx(1.0)
    assert concordance(y + 1, y) < 0.6
    assert concordance(0.5 * y, y) == pytest.approx(0.8)
    assert concordance(np.ones(3), np.ones(3)) == 0.0


class Reader:
    """In the place of the program: it knows the labels, and scores a window by the words of its segments."""

    def __init__(self) -> None:
        self.calls = 0
        self.labels = Spans(np.array([[s.start, s.end] for s in SEGMENTS]), np.array([s.score for s in SEGMENTS]))

    def __call__(self, spoken: Mapping[str, Sequence[transcripts.Cue]], hop: int) -> list[dict[str, Any]]:
        self.calls += 1
        events = []
        for name, cues in spoken.items():
            last = max(cue[-1].end for cue in cues)
            for end in np.arange(hop, last + hop, hop):
                if any(w.start < end and w.end > end - WINDOW for cue in cues for w in cue):
                    # Copies lie at times of their own: bring the window back to its moment.
                    moment = end if hop == 1 else end / stream.SPACING - 1
                    score = np.nan_to_num(self.labels.over(np.array([moment]), WINDOW))[0]
                    events.append(event(name, "sliding", end - WINDOW, end, score))
            events += [event(name, "utterance", c[0].start, c[-1].end, float(len(c))) for c in cues]
        return events


def event(participant: str, kind: str, start: float, end: float, score: float) -> dict[str, Any]:
    window = {
        "kind": kind,
        **{k: str(np.datetime64(round(1000 * t), "ms")) + "Z" for k, t in (("start", start), ("end", end))},
    }
    return {"participant": participant, "window": window, "score": score}


def test_a_reader_that_knows_the_labels_has_no_error_in_any_state_and_resumes(tmp_path: Path) -> None:
    reader = Reader()
    words, segments = {"v": WORDS + [word(i, i + 0.9) for i in range(11, 20)]}, {"v": SEGMENTS}
    cells = stream.cells(reader, tmp_path, words, segments)
    again = stream.cells(reader, tmp_path, words, segments)
    assert cells == again
    assert reader.calls == 2
    found = rows(cells, words, segments)
    fused = [row for row in found if row["scores"] == "fused"]
    assert {row["transcript"] for row in fused} == {
        *(f"{name}, complete" for name in ("segments", "pauses", "labelled")),
        *(f"{name}, {state}" for name in ("segments", "pauses") for state in stream.KNOWN),
    }
    assert all(row["mae"] == pytest.approx(0, abs=1e-6) for row in fused)
    assert all(row["ccc"] == pytest.approx(1) for row in fused if row["labelled"] == "any")
    assert [row["delay_s"] for row in fused if "delay_s" in row] == [0.0] * 7
    counts = {row["labelled"]: row["windows"] for row in fused if row["transcript"] == "segments, complete"}
    assert counts["any"] > counts["half"] > counts["all"] > 0
    assert all(row["mae"] > 0 for row in found if row["scores"] == "utterances")


def test_the_program_reads_the_transcripts_and_scores_on_the_scale_of_the_labels() -> None:
    binary = REPO / "bin" / "valence"
    if not binary.exists():
        pytest.skip("bin/valence is not built")
    program = stream.Program(binary, BUNDLE)
    said = [tuple(word(i, i + 0.5, text) for i, text in enumerate("i really loved this wonderful movie".split()))]
    events = [e for e in program({"ann": said}, 1) if e["window"]["kind"] == "sliding"]
    assert {e["participant"] for e in events} == {"ann"}
    assert max(e["score"] for e in events) > 1.0
