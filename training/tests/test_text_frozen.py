"""What an encoder knows before any tuning: mean vectors that do not depend on their neighbours, made once."""

from pathlib import Path

import numpy as np
import pytest
import torch

from valence_training.text import frozen
from valence_training.text.bert import WIDTH


class Pieces:
    """Stands in for the tokenizer: a word is the number of its letters."""

    def __init__(self, _: Path) -> None: ...

    def ids(self, text: str, _limit: int) -> list[int]:
        return [101, *map(len, text.split()), 102]


class Numbers:
    """Stands in for the encoder: the vector of a piece is its number; padding would be 1000."""

    asked = 0

    def eval(self) -> None: ...

    def __call__(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        Numbers.asked += len(ids)
        return torch.where(mask > 0, ids.float(), 1000.0).unsqueeze(2).expand(-1, -1, WIDTH)


@pytest.fixture(autouse=True)
def encoder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Numbers.asked = 0
    for name, stand_in in (("Bert", Numbers), ("WordPiece", Pieces), ("load_onnx", lambda *_: None)):
        monkeypatch.setattr(frozen, name, stand_in)
    monkeypatch.setattr(frozen, "pretrained", Path)
    monkeypatch.setattr(frozen, "cache_dir", lambda *_: tmp_path)


def test_a_vector_is_the_mean_of_the_pieces_of_its_text_alone() -> None:
    found = frozen.vectors("some", ["a bbb", "cc", ""])
    assert found.shape == (3, WIDTH)
    assert found[:, 0].tolist() == [2.0, 2.0, 0.0]


def test_vectors_of_the_same_texts_are_made_once() -> None:
    first = frozen.vectors("some", ["a", "bb"])
    assert (frozen.vectors("some", ["a", "bb"]) == first).all()
    assert Numbers.asked == 2
    assert frozen.vectors("some", ["bb", "a"])[0, 0] == first[1, 0]
    assert Numbers.asked == 4


def test_a_reader_finds_what_a_line_in_the_vectors_says() -> None:
    x = np.random.default_rng(0).normal(size=(300, 8))
    y = x[:, 2] - x[:, 5]
    assert (
        np.abs(frozen.reader(3.0).fit(x[:200], y[:200]).predict(x[200:]) - y[200:]).mean()
        < 0.5 * np.abs(y[200:]).mean()
    )
