"""Measure the served graph on people that it has not met.

Every figure comes from a `Run`, normally the exported graph in ONNX Runtime. Nothing here chooses anything. Pairs of
unimodal samples serve only to see how the net behaves (which way a stream moves the score, how wide an interval is);
no figure on pairs is a claim about real three-stream sentiment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valence_training import calibrate, fairness
from valence_training.data.emotions import NEGATIVE, POSITIVE, polarity
from valence_training.data.features import Features
from valence_training.extract import BEGINNINGS
from valence_training.fusion import heldout
from valence_training.fusion.material import Faces, Piece, Video, Voice
from valence_training.fusion.pairing import (
    AGREEMENT,
    ALL,
    AUDIO,
    PATTERNS,
    TEXT,
    VIDEO,
    Example,
    name,
    pair,
    thinned,
)
from valence_training.fusion.scoring import Run, Scored, score, uar
from valence_training.fusion.train import Material
from valence_training.fusion.windows import VIDEO_STEPS, FaceWindows, VoiceWindows, live_text
from valence_training.metrics import metrics

AGREEMENTS = (0.0, 0.2, 0.4, 1.0)
DROP_RATES = (0.0, 0.1, 0.3, 0.5, 0.6, 0.7, 0.9)
DROP_SAMPLE = 700
SEED = 20241118


@dataclass(frozen=True)
class Grouped:
    """Examples of one pattern with the group (video, speaker, face) that each belongs to."""

    examples: list[Example]
    groups: list[str]


def evaluate(run: Run, test: Material, texts: Features, temperature: float = 1.0) -> dict[str, Any]:
    """All figures on the test people; `texts` are the text features, with the beginnings of segments.

    `temperature` is the one inside the graph, so that it can be said what it changed.
    """
    grouped = patterns(test)
    scored = {pattern: score(run, g.examples) for pattern, g in grouped.items()}
    by_pattern = {p: pattern_quality(scored[p], grouped[p], temperature) for p in grouped}
    return {
        "mosi_text": text_quality(run, test.videos, texts),
        "speech": speech_quality(run, test.voices),
        "faces": face_quality(run, test.faces),
        "direction": directions(run, test),
        "patterns": by_pattern,
        "pooled": pooled(by_pattern),
        "sex": sexes(scored[name((AUDIO,))], grouped[name((AUDIO,))].groups),
        "agreement": {str(a): agreement(run, test, a) for a in AGREEMENTS},
        "dropped_steps": {str(rate): dropped(run, grouped, rate) for rate in DROP_RATES},
    }


def patterns(test: Material, seed: int = SEED) -> dict[str, Grouped]:
    """Held-out examples of each of the seven patterns: real ones of one stream alone, pairs of the rest.

    A pair belongs to the group of its leading stream.
    """
    random = np.random.default_rng(seed)
    clips = heldout.clips(test.voices, {v.speaker for v in test.voices})
    texts, speech = heldout.texts(test.videos), heldout.speech(clips)
    faces = heldout.single_faces(test.faces)
    found = {
        name((TEXT,)): Grouped(texts, heldout.text_groups(test.videos)),
        name((AUDIO,)): Grouped(speech, [v.speaker for v in clips]),
        name((VIDEO,)): Grouped(faces, [str(i) for i in range(len(faces))]),
    }
    voices, looks = VoiceWindows(clips), FaceWindows(test.faces)
    for pattern in PATTERNS[3:]:
        if TEXT in pattern:
            pieces = [_piece(example, TEXT) for example in texts]
            examples = [pair(piece, voices, looks, pattern, random) for piece in pieces]
            found[name(pattern)] = Grouped(examples, heldout.text_groups(test.videos))
        else:
            led = [_voice_led(example, looks, random) for example in speech]
            found[name(pattern)] = Grouped(led, [v.speaker for v in clips])
    return found


def pattern_quality(scored: Scored, grouped: Grouped, temperature: float = 1.0) -> dict[str, Any]:
    """Error, interval coverage and width, calibration of the probabilities, mean shares of the streams.

    `alone` is the error of each present stream's own head, `excess` what the fused score errs beyond the best of them.
    """
    truth, target, probabilities = scored.truth, scored.target, scored.polarity_probs
    intervals = [
        calibrate.coverage(scored.score, scored.log_b, target, grouped.groups, level) for level in calibrate.LEVELS
    ]
    present = [m for m in ALL if grouped.examples[0].pieces[m] is not None]
    alone = {name((m,)): float(np.abs(scored.unimodal_scores[:, m] - target).mean()) for m in present}
    return {
        "mae": scored.mae,
        "uar": uar(scored.polarity, truth),
        "alone": alone,
        "excess": scored.mae - min(alone.values()),
        "calibration_error": calibrate.calibration_error(probabilities, truth),
        "calibration_error_before": calibrate.calibration_error(
            calibrate.tempered(probabilities, 1 / temperature), truth
        ),
        "shares": [float(x) for x in scored.modality_gate.mean(axis=0)],
        "intervals": [asdict(c) for c in intervals],
    }


def pooled(by_pattern: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Coverage and width of the intervals and error of the probabilities over the patterns, each with one weight."""
    qualities = list(by_pattern.values())
    by_level = zip(*(quality["intervals"] for quality in qualities), strict=True)
    return {
        "intervals": [
            {"level": found[0]["level"], **{k: float(np.mean([c[k] for c in found])) for k in ("coverage", "width")}}
            for found in by_level
        ],
        **{
            figure: float(np.mean([quality[figure] for quality in qualities]))
            for figure in ("calibration_error", "calibration_error_before")
        },
    }


def sexes(scored: Scored, speakers: Sequence[str]) -> dict[str, Any]:
    """Figures of the voice alone by the sex of the speaker, over both corpora and in each."""
    corpus = np.array([speaker.split("-")[0] for speaker in speakers])
    found = {"all": fairness.by_sex(scored, speakers)}
    for one in np.unique(corpus):
        rows = np.flatnonzero(corpus == one)
        found[str(one)] = fairness.by_sex(scored.at(rows), [speakers[int(i)] for i in rows])
    return found


def text_quality(run: Run, videos: Sequence[Video], features: Features) -> dict[str, Any]:
    """MOSI with the text alone: whole segments, their beginnings (`features` holds them), and live windows of 8 s."""
    whole = score(run, heldout.texts(videos))
    groups = np.array(heldout.text_groups(videos))
    figures = metrics(whole.score, whole.target).as_dict()
    beginnings = {}
    for share in BEGINNINGS:
        begun = score(run, heldout.beginnings(features, share))
        beginnings[str(share)] = metrics(begun.score, begun.target).as_dict()
    live = score(run, live_windows(videos))
    return {
        "whole": figures,
        "standard_error": bootstrap(
            groups,
            {
                "mae": lambda rows: float(np.abs(whole.score[rows] - whole.target[rows]).mean()),
                "non0": lambda rows: metrics(whole.score[rows], whole.target[rows]).non0,
                "r": lambda rows: metrics(whole.score[rows], whole.target[rows]).r,
                "acc7": lambda rows: metrics(whole.score[rows], whole.target[rows]).acc7,
            },
        ),
        "beginning": beginnings,
        "live_windows": metrics(live.score, live.target).as_dict(),
    }


def live_windows(videos: Sequence[Video]) -> list[Example]:
    """Text windows of 8 s every second over each video, as a call would give them."""
    found = []
    for video in videos:
        for end in np.arange(np.ceil(video.spans[:, 0].min() + 1), video.spans[:, 1].max() + 1):
            piece = live_text(video, float(end))
            if piece is not None:
                found.append(heldout.alone(piece, TEXT))
    return found


def speech_quality(run: Run, voices: Sequence[Voice]) -> dict[str, Any]:
    """Polarity from the voice alone, by corpus, and what each emotion scores on average."""
    found: dict[str, Any] = {}
    for corpus in ("ravdess", "emodb"):
        speakers = {v.speaker for v in voices if v.clip.corpus == corpus}
        clips = heldout.clips(voices, speakers)
        scored = score(run, heldout.speech(clips))
        found[corpus] = {
            "speakers": len(speakers),
            "clips": len(clips),
            "uar": uar(scored.polarity, scored.truth),
            "accuracy": 100 * float((scored.polarity == scored.truth).mean()),
            "recall": recalls(scored),
            "mae": scored.mae,
            "mean_score": means(scored.score, [v.clip.emotion for v in clips]),
        }
    surprised = [v for v in voices if v.variant == 0 and v.clip.emotion == "surprised"]
    scored = score(run, [heldout.alone(v.piece._replace(score=0.0), AUDIO) for v in surprised])
    found["surprised"] = {"clips": len(surprised), "shares": class_shares(scored)}
    return found


def face_quality(run: Run, faces: Faces) -> dict[str, Any]:
    """Polarity from single faces of FER2013, and what each emotion scores on average."""
    scored = score(run, heldout.single_faces(faces), 512)
    known = np.isfinite(faces.scores)
    usable = np.ones(1, bool)
    odd = [heldout.alone(Piece(faces.values[i : i + 1], usable, 0.0), VIDEO) for i in np.flatnonzero(~known)]
    return {
        "faces": int(known.sum()),
        "uar": uar(scored.polarity, scored.truth),
        "accuracy": 100 * float((scored.polarity == scored.truth).mean()),
        "recall": recalls(scored),
        "mae": scored.mae,
        "mean_score": means(scored.score, [str(e) for e in faces.emotion[known]]),
        "surprised": {"faces": len(odd), "shares": class_shares(score(run, odd, 512))},
    }


def talkers(run: Run, features: Features) -> dict[str, Any]:
    """What a face that talks scores alone, in windows of 8 s every second: nobody labelled it, but it is no grief."""
    found = {}
    for item in features.items.values():
        ends = range(min(VIDEO_STEPS, len(item)), len(item) + 1, 5)
        cuts = [slice(max(0, end - VIDEO_STEPS), end) for end in ends]
        pieces = [Piece(item.values[cut], item.usable[cut], 0.0) for cut in cuts if item.usable[cut].any()]
        if pieces:
            scored = score(run, [heldout.alone(piece, VIDEO) for piece in pieces])
            found[item.id] = {
                "windows": len(pieces),
                "mean": float(scored.score.mean()),
                "least": float(scored.score.min()),
                "most": float(scored.score.max()),
                "shares": class_shares(scored),
            }
    return found


def directions(run: Run, test: Material) -> dict[str, Any]:
    """How the fused score of all three streams moves when one of them turns from negative to positive.

    The other two stay as they are. `mean` is on the MOSI scale, `right` the share of windows that rise.
    """
    random = np.random.default_rng(SEED)
    clips = heldout.clips(test.voices, {v.speaker for v in test.voices})
    voices, looks = VoiceWindows(clips), FaceWindows(test.faces)
    texts = [_piece(example, TEXT) for example in heldout.texts(test.videos)]
    signed = [[t for t in texts if polarity(t.score) == sign] for sign in (NEGATIVE, POSITIVE)]
    turned: dict[str, tuple[list[Example], list[Example]]] = {s: ([], []) for s in ("text", "audio", "video")}
    for text in texts:
        other = (voices.draw(None, random), looks.draw(None, random))
        turns: dict[str, list[tuple[Piece, Piece, Piece]]] = {
            "text": [(side[random.integers(len(side))], *other) for side in signed],
            "audio": [(text, voices.draw(sign, random), other[1]) for sign in (NEGATIVE, POSITIVE)],
            "video": [(text, other[0], looks.draw(sign, random)) for sign in (NEGATIVE, POSITIVE)],
        }
        for stream, pieces in turns.items():
            for side, one in zip(turned[stream], pieces, strict=True):
                side.append(Example(one, TEXT))
    found = {}
    for stream, (negative, positive) in turned.items():
        moved = score(run, positive).score - score(run, negative).score
        found[stream] = {"mean": float(moved.mean()), "right": 100 * float((moved > 0).mean())}
    return found


def agreement(run: Run, test: Material, share: float) -> dict[str, float]:
    """Error on pairs whose voice and face agree with the text with this probability."""
    random = np.random.default_rng(SEED)
    clips = heldout.clips(test.voices, {v.speaker for v in test.voices})
    voices, looks = VoiceWindows(clips), FaceWindows(test.faces)
    texts = [_piece(example, TEXT) for example in heldout.texts(test.videos)]
    scored = score(run, [pair(text, voices, looks, ALL, random, share) for text in texts])
    return {"mae": scored.mae, "r": metrics(scored.score, scored.target).r}


def dropped(run: Run, grouped: dict[str, Grouped], rate: float) -> dict[str, float]:
    """Error of each pattern when words and frames are lost at this rate."""
    random = np.random.default_rng(SEED)
    found = {}
    for pattern, members in grouped.items():
        some = random.choice(len(members.examples), min(DROP_SAMPLE, len(members.examples)), replace=False)
        found[pattern] = score(run, [thinned(members.examples[i], rate, random) for i in some]).mae
    return found


def bootstrap(
    groups: NDArray[Any], figures: dict[str, Callable[[NDArray[np.int64]], float]], rounds: int = 500
) -> dict[str, float]:
    """Standard error of figures over resampled groups."""
    random = np.random.default_rng(SEED)
    members = [np.flatnonzero(groups == g) for g in np.unique(groups)]
    drawn: dict[str, list[float]] = {figure: [] for figure in figures}
    for _ in range(rounds):
        rows = np.concatenate([members[i] for i in random.integers(len(members), size=len(members))])
        for figure, compute in figures.items():
            drawn[figure].append(compute(rows))
    return {figure: float(np.std(values)) for figure, values in drawn.items()}


def recalls(scored: Scored) -> list[float]:
    """Recall of negative, neutral, positive in percent."""
    return [
        100 * float((scored.polarity[scored.truth == c] == c).mean()) for c in range(3) if (scored.truth == c).any()
    ]


def class_shares(scored: Scored) -> list[float]:
    """Share of negative, neutral, positive among the answers, in percent."""
    return [100 * float((scored.polarity == c).mean()) for c in range(3)]


def means(values: NDArray[np.float32], names: Sequence[str]) -> dict[str, float]:
    """Mean of the values of each name."""
    labels = np.asarray(names)
    return {str(label): float(values[labels == label].mean()) for label in np.unique(labels)}


def _piece(example: Example, stream: int) -> Piece:
    piece = example.pieces[stream]
    assert piece is not None  # noqa: S101 the caller asks for a stream that is there
    return piece


def _voice_led(example: Example, looks: FaceWindows, random: np.random.Generator) -> Example:
    voice = _piece(example, AUDIO)
    agree = random.random() < AGREEMENT
    return Example((None, voice, looks.draw(polarity(voice.score) if agree else None, random)), AUDIO)
