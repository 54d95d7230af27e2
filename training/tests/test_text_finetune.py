"""Fine-tuning: samples, batches, schedule, and a run that can be stopped at any epoch."""

import random
from pathlib import Path
from typing import cast

import pytest
import torch

from valence_training.metrics import Metrics
from valence_training.text.bert import Bert
from valence_training.text.finetune import Config, Stage, State, Trainer, average, schedule
from valence_training.text.regressor import Regressor
from valence_training.text.samples import SST_SCALE, Sample, batches, sst_samples
from valence_training.text.wordpiece import WordPiece

WIDTH = 16


class Letters:
    """Stands in for the tokenizer: a letter is a piece."""

    def ids(self, text: str, limit: int) -> list[int]:
        return [1, *(3 + ord(c) % 40 for c in text[: limit - 2]), 2]


STAGE = Stage("mosi", 3, 1e-2, 1e-3)
SAMPLES = [Sample(("good" * n, "bad" * n), float(n % 5 - 2)) for n in range(1, 12)]


def run(file: Path, stop_after: int = 9) -> State:
    """Train until so many epochs are done: a run that is killed after one leaves the same file."""
    torch.manual_seed(0)
    bert = Bert(layers=2, tuned=1, dropout=0.1, width=WIDTH, heads=2, inner=32, vocabulary=50, positions=64)
    epochs = 0

    def validate() -> Metrics:
        nonlocal epochs
        epochs += 1
        if epochs > stop_after:
            raise KeyboardInterrupt
        return Metrics(mae=abs(State.load(file).done - 1), r=0, non0=0, has0=0, acc7=0, count=1)

    trainer = Trainer(Config(batch=4), Regressor(bert, WIDTH), cast("WordPiece", Letters()), validate)
    return trainer.run(STAGE, 5, SAMPLES, file)


@pytest.mark.parametrize("epochs", [1, 2])
def test_a_stopped_stage_goes_on_to_the_same_result(tmp_path: Path, epochs: int) -> None:
    whole = run(tmp_path / "whole.pt")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "stopped.pt", stop_after=epochs)
    resumed = run(tmp_path / "stopped.pt")
    assert resumed.done == whole.done == STAGE.epochs
    assert resumed.history == whole.history
    for name, tensor in whole.weights.items():
        assert torch.equal(tensor, resumed.weights[name]), name


def test_a_finished_stage_trains_no_more(tmp_path: Path) -> None:
    done = run(tmp_path / "state.pt")
    again = run(tmp_path / "state.pt", stop_after=0)
    assert again.history == done.history


def test_the_best_epoch_is_kept_beside_the_last(tmp_path: Path) -> None:
    state = run(tmp_path / "state.pt")  # its second epoch is the best
    assert state.best_mae == 0
    assert any(not torch.equal(state.best[name], state.weights[name]) for name in state.best)


def test_the_average_is_that_of_each_weight() -> None:
    members = [{"a": torch.tensor([1.0, 2.0])}, {"a": torch.tensor([3.0, 0.0])}]
    assert average(members)["a"].tolist() == [2.0, 1.0]


def test_rates_rise_for_a_tenth_and_end_near_nothing() -> None:
    factors = schedule(100)
    assert max(factors) == factors[9] == 1
    assert factors[0] == pytest.approx(0.1)
    assert 0 < factors[-1] < 0.02


def test_batches_hold_each_text_once_and_like_lengths() -> None:
    lengths = [random.Random(i).randint(1, 60) for i in range(100)]  # noqa: S311
    groups = list(batches(lengths, 8, random.Random(0)))  # noqa: S311
    assert sorted(i for group in groups for i in group) == list(range(100))
    assert all(max(lengths[i] for i in g) - min(lengths[i] for i in g) <= 10 for g in groups)
    assert groups != list(batches(lengths, 8, random.Random(1)))  # noqa: S311


def test_phrases_are_drawn_evenly_and_come_in_both_forms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "text").mkdir()
    sentences = ['4,"It \'s a lovely , lovely film ."', "1,too short"]
    phrases = [f"{label},phrase number {n} of label {label} ." for label in range(5) for n in range(30)]
    for name, rows in (("sst5_train", sentences), ("sst5_train_phrases", phrases)):
        (tmp_path / "text" / f"{name}.csv").write_text("\n".join(["label,text", *rows]), encoding="utf-8")
    monkeypatch.setenv("VALENCE_DATA", str(tmp_path))
    samples = sst_samples(0, phrases=50, max_words=20)
    assert samples[0] == Sample(("It's a lovely, lovely film.", "its a lovely lovely film"), 2 * SST_SCALE)
    assert [s.score for s in samples[1:]] == [(label - 2) * SST_SCALE for label in range(5) for _ in range(10)]
    assert samples == sst_samples(0, phrases=50, max_words=20)
