"""Choosing a setting by folds: nothing that is held out is trained on."""

import random
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import torch

from valence_training.data import mosi
from valence_training.metrics import Metrics
from valence_training.text import folds
from valence_training.text.samples import Draw, Sample, mosi_samples
from valence_training.text.trainer import Config, State, Trainer

VIDEOS = [f"video{n}" for n in range(13)]
SEGMENTS = [
    mosi.Segment(f"{video}_{n}", video, n, n, n + 1, n / 3, "train" if video < "video5" else "valid", f"{video} {n}")
    for video in VIDEOS
    for n in (1, 2, 3)
]


def test_every_video_is_held_out_once_and_always_in_the_same_fold() -> None:
    parts = mosi.folds(VIDEOS, folds.FOLDS)
    assert sorted(video for part in parts for video in part) == sorted(VIDEOS)
    assert {len(part) for part in parts} == {2, 3}
    assert parts == mosi.folds(list(reversed(VIDEOS)) * 2, folds.FOLDS)


class Plain:
    """Stands in for corpora: an epoch is the segments."""

    def draw(self, _: Any, segments: list[mosi.Segment]) -> Draw:  # noqa: ANN401
        return lambda _rng: mosi_samples(segments)


class Recorder:
    """Stands in for a trainer and its model: keeps what it is given to train on."""

    def __init__(self) -> None:
        self.config, self.wordpiece, self.model = replace(Config(), distil=None), self, self
        self.trained: list[Sample] = []

    def ids(self, text: str, limit: int) -> list[int]:
        return [len(text), limit]

    def load_tuned(self, _: dict[str, torch.Tensor]) -> None: ...

    def run(self, _stage: object, _seed: int, draw: Draw, _watch: object, _file: Path) -> None:
        self.trained = draw(random.Random(0))  # noqa: S311


@pytest.mark.parametrize("number", range(folds.FOLDS))
def test_a_cell_trains_on_the_other_folds_and_scores_its_own(
    number: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(mosi, "segments", lambda split: [row for row in SEGMENTS if row.split == split])
    monkeypatch.setattr(folds, "predict", lambda _model, encoded: torch.zeros(len(encoded)))
    monkeypatch.setattr(folds, "talk", lambda *_: 0.5)
    trainer = Recorder()
    cell = folds.run_cell(cast("Trainer", trainer), State(), cast("Any", Plain()), number, tmp_path)
    held_out = mosi.folds(VIDEOS, folds.FOLDS)[number]
    assert {name.split("_")[0] for name in cell["score"]} == held_out
    assert {sample.forms[0].split()[0] for sample in trainer.trained} == set(VIDEOS) - held_out


def test_the_table_pools_the_segments_of_all_folds() -> None:
    cells = [{"score": {"a": 1.0, "b": -1.0}, "talk": 0.6}, {"score": {"c": 2.0}, "talk": 0.8}]
    pooled, heard = folds.summary(cells, {"a": 1.0, "b": -2.0, "c": 0.5})
    assert isinstance(pooled, Metrics)
    assert pooled.count == 3
    assert pooled.mae == pytest.approx(2.5 / 3)
    assert heard == pytest.approx(0.7)
