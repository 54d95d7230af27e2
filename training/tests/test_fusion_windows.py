"""Windows look like a live call's, and pairs keep the truth that they have."""

from __future__ import annotations

import numpy as np
import pytest
from fusion_material import faces, video, voices

from valence_training.data import emotions, ravdess, splits
from valence_training.data.emotions import polarity
from valence_training.fusion.material import Piece
from valence_training.fusion.pairing import (
    ALL,
    AUDIO,
    DROPS,
    PATTERNS,
    TEXT,
    VIDEO,
    Example,
    collate,
    draw_pattern,
    pair,
    thinned,
)
from valence_training.fusion.windows import (
    AUDIO_STEPS,
    VIDEO_STEPS,
    FaceWindows,
    VoiceWindows,
    live_text,
    thin,
    utterance,
)


def test_a_live_window_holds_the_words_inside_and_weighs_segments_by_overlap() -> None:
    piece = live_text(video(), end=6.0, length=5.0)
    assert piece is not None
    # Words of [1, 6): two of segment 0 (overlap 1 s), all four of segment 1 (2 s).
    assert len(piece.values) == 6
    assert piece.score == pytest.approx((-1.5 * 1.0 + -0.5 * 2.0) / 3.0)
    assert piece.seconds is not None
    assert piece.seconds.tolist() == pytest.approx([0.5, 0.5, 0.5, 0.5, 0.5, 0.5])


def test_the_words_of_a_segment_share_the_time_that_it_has_in_the_window() -> None:
    piece = live_text(video(), end=4.2, length=5.0)
    assert piece is not None
    # Of segment 1 [3, 5) the window sees 1.2 s, and in it the middle of two of the four words.
    assert piece.seconds is not None
    assert piece.seconds.tolist() == pytest.approx([0.5, 0.5, 0.5, 0.5, 0.6, 0.6])
    assert collate([Example((piece, None, None), TEXT)]).inputs.text_mask.sum() == pytest.approx(3.2)


def test_before_a_window_comes_what_was_said_in_the_last_half_minute() -> None:
    long = video(segments=14)  # segment i at [3i, 3i + 2)
    piece = utterance(long, 13)  # begins at 39: what began at 9 is heard
    assert piece.before is not None
    assert piece.before.seconds == pytest.approx(20.0)
    heard = (long.segment >= 3) & (long.segment < 13)
    np.testing.assert_allclose(piece.before.values, long.tokens[heard].mean(axis=0), atol=1e-6)
    assert piece.before.score == pytest.approx(np.mean(long.scores[3:13]))
    assert utterance(long, 0).before is None
    inputs = collate([Example((piece, None, None), TEXT), Example((utterance(long, 0), None, None), TEXT)]).inputs
    assert inputs.before_seconds.tolist() == pytest.approx([20.0, 0.0])
    np.testing.assert_allclose(inputs.before[0], piece.before.values)


def test_what_is_in_a_window_is_not_before_it() -> None:
    piece = live_text(video(), end=6.0, length=2.0)  # cuts segment 1 [3, 5) in half
    assert piece is not None
    assert piece.before is not None
    assert len(piece.values) == 2
    assert piece.before.seconds == pytest.approx(2.0 + 1.0)


def test_a_window_without_words_has_no_text() -> None:
    assert live_text(video(), end=2.9, length=0.8) is None
    assert live_text(video(), end=100.0) is None


def test_an_utterance_is_its_segment_alone() -> None:
    piece = utterance(video(), 2)
    assert len(piece.values) == 4
    assert piece.score == 0.5


def test_voice_windows_fit_and_are_labelled_by_their_speech() -> None:
    random = np.random.default_rng(0)
    source = VoiceWindows(voices())
    for wanted in (0, 1, 2, None) * 50:
        piece = source.draw(wanted, random)
        assert len(piece.values) <= AUDIO_STEPS
        assert piece.usable.any()
        assert np.isfinite(piece.score)


def test_a_voice_window_is_one_speaker_and_the_mean_of_what_is_heard() -> None:
    random = np.random.default_rng(1)
    source = VoiceWindows(voices(1))
    for _ in range(50):
        piece = source.draw(None, random)
        heard = piece.values[piece.usable, 0]
        if piece.usable.sum() > 24:
            assert heard.mean() == pytest.approx(piece.score, abs=0.35)


def test_face_windows_have_the_wanted_polarity_first_and_never_a_surprise() -> None:
    random = np.random.default_rng(2)
    source = FaceWindows(faces())
    signs = [np.sign(source.draw(2, random).score) for _ in range(100)]
    assert np.mean(signs) > 0.7
    lengths = {len(source.draw(None, random).values) for _ in range(200)}
    assert min(lengths) == 1
    assert max(lengths) <= VIDEO_STEPS


def test_thinning_always_leaves_a_step() -> None:
    random = np.random.default_rng(3)
    piece = Piece(np.zeros((5, 2), np.float32), np.array([False, True, False, True, False]), 0.0)
    for _ in range(50):
        kept = thin(piece, 0.99, random).usable
        assert kept.any()
        assert not (kept & ~piece.usable).any()


def test_the_protocol_drops_streams_as_often_as_it_says() -> None:
    random = np.random.default_rng(4)
    drawn = [draw_pattern(random) for _ in range(20000)]
    assert np.mean([pattern == ALL and not steps for pattern, steps in drawn]) == pytest.approx(0.5, abs=0.02)
    for share, pattern in DROPS[:-1]:
        assert np.mean([p == pattern for p, _ in drawn]) == pytest.approx(share / 2, abs=0.01)
    assert np.mean([steps for _, steps in drawn]) == pytest.approx(0.05, abs=0.01)
    assert sum(share for share, _ in DROPS) == pytest.approx(1.0)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pair_keeps_the_text_target_and_every_stream_its_own(pattern: tuple[int, ...]) -> None:
    random = np.random.default_rng(5)
    text = utterance(video(), 3)
    example = pair(text, VoiceWindows(voices()), FaceWindows(faces()), pattern, random)
    assert tuple(m for m, piece in enumerate(example.pieces) if piece is not None) == pattern
    if TEXT in pattern:
        assert example.lead == TEXT
        assert example.score == text.score
    batch = collate([example, thinned(example, 0.5, random)])
    assert batch.inputs.present.tolist() == [[float(m in pattern) for m in range(3)]] * 2
    for m in (TEXT, AUDIO, VIDEO):
        assert bool(batch.own[0, m].isfinite()) == (m in pattern)


def test_agreement_is_what_was_asked_for() -> None:
    random = np.random.default_rng(6)
    text = utterance(video(), 3)
    spoken, looks = VoiceWindows(voices()), FaceWindows(faces())

    def share(agreement: float) -> float:
        drawn = [pair(text, spoken, looks, ALL, random, agreement).pieces[VIDEO] for _ in range(600)]
        return float(np.mean([piece is not None and piece.score > 0.5 for piece in drawn]))

    assert share(1.0) > share(0.4) > share(0.0)


def test_no_speaker_is_on_two_sides_and_every_actor_is_tested_once() -> None:
    assert not splits.VALID_SPEAKERS & splits.TEST_SPEAKERS
    tested = [actor for number in range(splits.FOLDS) for actor in splits.fold(number)]
    assert sorted(tested) == sorted(ravdess.ACTORS)


def test_the_table_of_emotions_keeps_clear_of_the_neutral_band() -> None:
    assert "surprised" not in emotions.SCORE
    signs = {name: polarity(score) for name, score in emotions.SCORE.items()}
    assert signs["calm"] == signs["neutral"] == emotions.NEUTRAL
    assert signs["bored"] == signs["angry"] == emotions.NEGATIVE
    assert signs["happy"] == emotions.POSITIVE
