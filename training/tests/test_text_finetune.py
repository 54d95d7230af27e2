"""Fine-tuning: samples, batches, schedule, and a run that can be stopped at any epoch."""

import random
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
import torch

from valence_training.data import mosi
from valence_training.metrics import Metrics
from valence_training.text.bert import Bert
from valence_training.text.finetune import average
from valence_training.text.regressor import Regressor
from valence_training.text.samples import EMOBANK_SCALE, SST_SCALE, Corpora, Mixture, Sample, batches, joined
from valence_training.text.start import before_mosi
from valence_training.text.trainer import Config, Stage, State, Trainer, schedule
from valence_training.text.wordpiece import WordPiece

WIDTH = 16


class Letters:
    """Stands in for the tokenizer: a letter is a piece."""

    def ids(self, text: str, limit: int) -> list[int]:
        return [1, *(3 + ord(c) % 40 for c in text[: limit - 2]), 2]


STAGE = Stage("mosi", 3, 1e-2, 1e-3, layers=1, mixture=Mixture())
SAMPLES = [Sample(("good" * n, "bad" * n), float(n % 5 - 2)) for n in range(1, 12)]


def small(tuned: int) -> Regressor:
    torch.manual_seed(0)
    return Regressor(
        Bert(layers=3, tuned=tuned, dropout=0.1, width=WIDTH, heads=2, inner=32, vocabulary=50, positions=64), WIDTH
    )


def drawn(rng: random.Random) -> list[Sample]:
    return rng.sample(SAMPLES, 9)


def run(file: Path, stop_after: int = 9, tuned: int = 2) -> State:
    """Train until so many epochs are done: a run that is killed after one leaves the same file."""
    epochs = 0

    def validate() -> Metrics:
        nonlocal epochs
        epochs += 1
        if epochs > stop_after:
            raise KeyboardInterrupt
        return Metrics(mae=abs(State.load(file).done - 1), r=0, non0=0, has0=0, acc7=0, count=1)

    trainer = Trainer(Config(batch=4, tuned=tuned), small(tuned), cast("WordPiece", Letters()))
    return trainer.run(STAGE, 5, drawn, validate, file)


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


def test_layers_that_are_held_still_do_not_learn(tmp_path: Path) -> None:
    before, after = small(2).tuned_state(), run(tmp_path / "state.pt").weights
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {name for name in before if name.startswith(("bert.tuned.1.", "head."))}


def test_what_held_layers_give_is_kept_and_changes_no_score() -> None:
    model = small(2).eval()
    texts = [[1, 5, 6, 7, 2], [1, 9, 2], [1, 5, 6, 7, 2]]
    with torch.no_grad():
        plain = model.read(texts)
        model.hold(1)
        torch.testing.assert_close(model.read(texts), plain)
        torch.testing.assert_close(model.read(texts[1:]), plain[1:])  # from what is kept
        other = {name: tensor + 0.1 for name, tensor in model.tuned_state().items()}
        model.load_tuned(other)  # what was kept is of no use to other weights below
        kept = model.read(texts)
        model.hold(0)
        torch.testing.assert_close(kept, model.read(texts))
    model.hold(1)
    assert not model.train().bert.tuned[0].training
    assert model.bert.tuned[1].training


def test_runs_share_the_stages_before_those_in_which_they_differ() -> None:
    base = Config()
    other = replace(base, repeat=3, members=1, mosi=STAGE)
    assert [base.shared(s) for s in (base.general, base.talk)] == [other.shared(s) for s in (other.general, other.talk)]
    other = replace(base, talk=replace(base.talk, epochs=3))
    assert base.shared(base.general) == other.shared(other.general)
    assert base.shared(base.talk) != other.shared(other.talk)
    assert base.shared(base.general) != replace(base, seed=1).shared(base.general)
    assert base.directory() != replace(base, repeat=3).directory()


@pytest.mark.parametrize(("share", "epochs", "want"), [(0.25, 1, 2.0), (0.0, 1, 1.0), (0.25, 0, 1.0)])
def test_mosi_begins_between_the_reviews_and_the_talk(
    share: float, epochs: int, want: float, corpora: Corpora, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mosi, "segments", lambda _: [])
    states = {"general": State(weights={"w": torch.tensor(1.0)}), "talk": State(weights={"w": torch.tensor(5.0)})}

    class Done:
        config = replace(Config(), talk_share=share, talk=replace(Config().talk, epochs=epochs))
        model = cast("Regressor", type("Model", (), {"load_tuned": lambda _self, _weights: None})())

        def run(self, stage: Stage, *_: object) -> State:
            return states[stage.name]

    assert before_mosi(cast("Trainer", Done()), corpora).weights["w"].item() == want


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


@pytest.fixture
def corpora(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Corpora:
    (tmp_path / "text").mkdir()
    sentences = ['4,"It \'s a lovely , lovely film ."', "1,too short", "2," + "long " * 21]
    phrases = [f"{label},phrase number {n} of label {label} ." for label in range(5) for n in range(30)]
    files = {"sst5_train": sentences, "sst5_dev": [], "sst5_test": [], "sst5_train_phrases": phrases}
    for name, rows in files.items():
        (tmp_path / "text" / f"{name}.csv").write_text("\n".join(["label,text", *rows]), encoding="utf-8")
    talk = ["a,train,4.5,3,3,Isn't it nice?", "b,test,1,3,3,Bad.", "c,train,3,3,3,Well."]
    (tmp_path / "text" / "emobank.csv").write_text("\n".join(["id,split,V,A,D,text", *talk]), encoding="utf-8")
    monkeypatch.setenv("VALENCE_DATA", str(tmp_path))
    return Corpora()


def test_an_epoch_holds_all_segments_and_an_even_draw_of_phrases(corpora: Corpora) -> None:
    segment = mosi.Segment("a_1", "a", 1, 0, 1, -1.4, "train", "SO BAD")
    draw = corpora.draw(Mixture(sentences=5, phrases=50, emobank=5), [segment])
    first, second = draw(random.Random(0)), draw(random.Random(1))  # noqa: S311
    assert first[:2] == [
        Sample(("SO BAD",), -1.4),
        Sample(("It's a lovely, lovely film.", "its a lovely lovely film"), 2 * SST_SCALE),
    ]
    assert [s.score for s in first[2:52]] == [(label - 2) * SST_SCALE for label in range(5) for _ in range(10)]
    assert sorted(s.score for s in first[52:]) == [0.0, 1.5 * EMOBANK_SCALE]
    assert len(first) == len(second)
    assert first != second
    assert first == draw(random.Random(0))  # noqa: S311


def test_talk_comes_as_written_and_as_recognised(corpora: Corpora) -> None:
    assert corpora.emobank[0] == Sample(("Isn't it nice?", "isnt it nice"), 1.5 * EMOBANK_SCALE)


def test_segments_are_joined_where_one_follows_the_other_and_scored_by_their_time() -> None:
    rows = [
        mosi.Segment("a_2", "a", 2, 3, 4, 2, "train", "GOOD END"),
        mosi.Segment("a_1", "a", 1, 0, 3, -2, "train", "BAD START"),
        mosi.Segment("a_4", "a", 4, 5, 6, 1, "train", "LATER"),
        mosi.Segment("b_5", "b", 5, 6, 7, 1, "train", "OTHER"),
    ]
    assert joined(rows) == [Sample(("BAD START GOOD END",), -1.0)]
