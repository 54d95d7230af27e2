"""What a student learns from: teachers who never met what they score, and texts that begin and end anywhere."""

import random
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, cast

import numpy as np
import pytest

from valence_training.data import mosi
from valence_training.text import teachers
from valence_training.text.distil import LEAST, MOST, Distil, Material, windows
from valence_training.text.samples import Corpora, Draw, Mixture, Sample, mosi_samples
from valence_training.text.trainer import Config, State, Trainer

ROWS = [
    mosi.Segment(f"{v}_{n}", v, n, n, n + 1, n / 4, "train", " ".join(f"{v}{n}w{i}" for i in range(n + 4)))
    for v in "ab"
    for n in (1, 2, 3, 7, 8)
]
WORDS = [
    mosi.Word(v, i, i + 1, mosi.PAUSE if i % 5 == 4 else f"{v}{i}")
    for v, count in (("a", 60), ("b", 30), ("c", 30))
    for i in range(count)
]
"""What is said in the videos of the rows, more than what is labelled, and in one more."""


class Written:
    """Stands in for corpora: a few texts of each kind, and an epoch is the segments."""

    sentences = tuple(Sample((f"review number {n}",), 2.8) for n in range(6))
    phrases = tuple([Sample((f"phrase {label} {n}",), label - 2.0) for n in range(6)] for label in range(5))
    emobank = (*(Sample((f"talk {n}", f"talk {n}"), 1.0) for n in range(6)), Sample(("long " * 40,), 0.0))

    def draw(self, _mixture: Mixture, segments: list[mosi.Segment]) -> Draw:
        return lambda _rng: mosi_samples(segments)


CORPORA = cast("Corpora", Written())
SMALL = Distil(windows=8, sentences=4, phrases=10, emobank=6, drawn=0.5)


def test_windows_are_cut_anywhere_from_what_is_said_in_the_videos() -> None:
    said = {v: " ".join(w.word for w in WORDS if w.video == v and w.word != mosi.PAUSE) for v in "ab"}
    cut = windows(WORDS, {"a", "b"}, 300, random.Random(0))  # noqa: S311
    assert all(f" {text.sample.forms[0]} " in f" {said[text.video]} " for text in cut)
    assert {len(text.sample.forms[0].split()) for text in cut} <= set(range(LEAST, MOST + 1))
    assert 150 < sum(text.video == "a" for text in cut) < 250  # twice as much is said there
    again = windows(WORDS, ["b", "a"], 300, random.Random(0))  # noqa: S311
    assert [text.sample.forms for text in again] == [text.sample.forms for text in cut]


def test_a_target_is_the_label_and_the_teachers_in_their_shares() -> None:
    distil = replace(SMALL, trust=0.25)
    material = Material.gather(distil, CORPORA, ROWS[:5], WORDS, seed=3)
    samples = [text.sample for text in material.texts]
    scores = np.arange(len(samples), dtype=np.float32)
    epoch = material.taught(distil, scores)(random.Random(0))  # noqa: S311
    assert len(epoch) == 5 + round(0.5 * (6 + 8 + 4 + 10))
    assert [s.forms for s in epoch[:5]] == [(row.text,) for row in ROWS[:5]]
    mixed = [0.75 * sample.score + 0.25 * score for sample, score in zip(samples, scores, strict=True)]
    assert [s.score for s in epoch[:5]] == pytest.approx(mixed[:5])
    talk = [s for s in epoch if s.forms[0].startswith("talk")]
    assert talk
    assert all(any(s.score == pytest.approx(m) for m in mixed[5:11]) for s in talk)
    assert {s.score for s in epoch[5:] if s not in talk} <= set(scores[11:].tolist())
    assert epoch != material.taught(distil, scores)(random.Random(1))  # noqa: S311


def test_what_is_held_out_is_in_no_text() -> None:
    material = Material.gather(SMALL, CORPORA, ROWS[:5], WORDS, seed=0)
    texts = [form for text in material.texts for form in text.sample.forms]
    assert any(text.startswith("a1w") for text in texts)
    assert not any("b1w" in text or "b2" in text or "c2" in text or "long" in text for text in texts)


class Teacher:
    """Stands in for a trainer and its model: notes what it trains on, says its encoder's number and its own."""

    trained: ClassVar[list[tuple[str, int, list[Sample]]]] = []

    def __init__(self, config: Config, *_: object) -> None:
        self.config, self.model, self.wordpiece, self.seed = config, self, self, -1

    def ids(self, text: str, limit: int) -> list[int]:
        return [len(text), limit]

    def run(self, _stage: object, seed: int, draw: Draw, _watch: object, file: Path) -> State:
        self.seed = seed
        self.trained.append((self.config.encoder, seed, draw(random.Random(0))))  # noqa: S311
        file.touch()
        return State()

    def load_tuned(self, _: object) -> None: ...


def student(distil: Distil | None) -> Trainer:
    Teacher.trained.clear()
    return cast("Trainer", Teacher(Config(distil=distil)))


def says(model: Teacher, encoded: list[list[int]]) -> np.ndarray:
    return np.full(len(encoded), {"bge-small-en-v1.5": 1.0, "e5-small-v2": 3.0}[model.config.encoder] + model.seed % 10)


@pytest.fixture
def staff(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, stand_in in (("pretrained", Path), ("WordPiece", Path), ("make", lambda _: None), ("Trainer", Teacher)):
        monkeypatch.setattr(teachers, name, stand_in)
    monkeypatch.setattr(teachers, "before_mosi", lambda *_: State())
    monkeypatch.setattr(teachers, "predict", says)
    monkeypatch.setattr(teachers.mosi, "words", lambda: WORDS)


@pytest.mark.usefixtures("staff")
def test_the_lesson_is_the_mean_of_teachers_who_know_the_students_segments_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teachers, "untuned", lambda *_: np.full(1, 7.0))
    trainer = student(replace(SMALL, trust=1.0, untuned=0.2))
    epoch = teachers.lessons(trainer, State(), CORPORA, ROWS[:5], ROWS[5:], tmp_path)(random.Random(0))  # noqa: S311
    assert {round(s.score, 6) for s in epoch} == {3.0}  # .8 of 1 and 3, .2 of 7
    assert [encoder for encoder, _, _ in Teacher.trained] == list(SMALL.encoders)
    assert all(seed > trainer.config.members for _, seed, _ in Teacher.trained)
    assert all(samples == mosi_samples(ROWS[:5]) for _, _, samples in Teacher.trained)

    again = teachers.lessons(trainer, State(), CORPORA, ROWS[:5], ROWS[5:], tmp_path)
    assert again(random.Random(0)) == epoch  # noqa: S311
    assert len(Teacher.trained) == len(SMALL.encoders)  # nobody was asked again


def test_a_reader_of_untuned_encoders_has_met_no_label_of_what_it_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    def made(_encoder: str, texts: list[str]) -> np.ndarray:
        return np.array([[len(text), sum(map(ord, text)) % 97] for text in texts], np.float32)

    monkeypatch.setattr(teachers, "vectors", made)
    monkeypatch.setattr(teachers, "PARTS", 2)
    part = mosi.folds(["a", "b"], 2)[0]
    lied = [replace(row, score=2 - row.score) if row.video in part else row for row in ROWS]
    material, other = (Material.gather(SMALL, CORPORA, rows, WORDS, seed=0) for rows in (ROWS, lied))
    changed = teachers.untuned(SMALL, material) - teachers.untuned(SMALL, other)
    own = np.array([text.video in part for text in material.texts])
    assert np.abs(changed[own]).max() < 1e-6
    assert np.abs(changed[~own]).max() > 0.1  # the others' reader was told otherwise


def test_without_teachers_the_lesson_is_the_labels(tmp_path: Path) -> None:
    draw = teachers.lessons(student(None), State(), CORPORA, ROWS[:5], [], tmp_path)
    assert draw(random.Random(0)) == mosi_samples(ROWS[:5])  # noqa: S311
    assert not Teacher.trained
    assert not list(tmp_path.iterdir())


def test_encoders_keep_what_they_learnt_apart() -> None:
    own = Config()
    other = replace(own, encoder="e5-small-v2")
    assert own.shared(own.general).parent != other.shared(other.general).parent
