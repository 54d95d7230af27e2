"""The figures of several runs."""

from pathlib import Path

import numpy as np
import pytest

from valence_training.data import emobank, mosi
from valence_training.text import seeds


@pytest.fixture
def corpora(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        mosi.Segment(f"{split}_{n}", split, n, 0, 1, score, split, "WORD " * 8)
        for split in ("train", "valid", "test")
        for n, score in enumerate((-2.0, 1.0, 2.0))
    ]
    monkeypatch.setattr(mosi, "segments", lambda split=None: [row for row in rows if split in (None, row.split)])
    talk = [emobank.Row(str(n), valence, "text") for n, valence in enumerate((2.0, 3.0, 4.5))]
    monkeypatch.setattr(emobank, "sentences", lambda split: talk if split == "test" else [])


@pytest.mark.usefixtures("corpora")
def test_what_is_scored_are_held_out_texts_and_their_beginnings() -> None:
    texts = seeds.texts()
    assert set(texts) == {
        "mosi_valid", "mosi_test", "mosi_test@0.25", "mosi_test@0.5", "mosi_test@0.75", "emobank_test",
    }  # fmt: skip
    assert [len(texts[f"mosi_test@{share}"]["test_0"].split()) for share in (0.25, 0.5, 0.75)] == [2, 4, 6]
    assert not any(name.startswith("train") for rows in texts.values() for name in rows)


@pytest.mark.usefixtures("corpora")
def test_figures_meet_scores_and_labels_by_id(tmp_path: Path) -> None:
    arrays = {}
    for name, rows in seeds.texts().items():
        ids = list(reversed(rows))
        arrays[f"{name}_id"] = np.array(ids)
        labels = {"0": -2.5, "1": 1.0, "2": 2.0}
        arrays[f"{name}_score"] = np.array([labels[i[-1]] for i in ids], np.float32)
    np.savez(tmp_path / "scores.npz", **arrays)
    figures = seeds.figures(tmp_path / "scores.npz")
    assert figures["mosi_test"]["mae"] == pytest.approx(0.5 / 3)
    assert figures["mosi_test"]["non0"] == 100
    assert set(figures["emobank_test"]) == {"r"}
    assert figures["emobank_test"]["r"] == pytest.approx(np.corrcoef([-2.5, 1, 2], [2, 3, 4.5])[0, 1])


def test_the_spread_is_over_the_runs() -> None:
    runs = [{"mosi_test": {"mae": value}} for value in (0.6, 0.7, 0.8)]
    spread = seeds.spread(runs)["mosi_test"]["mae"]
    assert spread["mean"] == pytest.approx(0.7)
    assert spread["sd"] == pytest.approx(0.1)
