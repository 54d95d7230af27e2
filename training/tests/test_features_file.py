"""Feature files are read as they were written, and broken ones are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from valence_training.data.features import Features, Item, load, save


def item(name: str, steps: int) -> Item:
    values = np.random.default_rng(steps).normal(size=(steps, 4)).astype(np.float32)
    times = np.arange(steps) / 10
    return Item(name, "track", values, np.arange(steps) % 3 != 1, times, times + 0.1, np.arange(steps, dtype=np.int32))


def write(path: Path) -> Features:
    items = {name: item(name, steps) for name, steps in (("a", 3), ("b", 1), ("é", 5))}
    features = Features("text", "sha256:0", "contract", items, {})
    save(path, features, 0)
    return features


def test_items_come_back_as_they_were(tmp_path: Path) -> None:
    written = write(tmp_path / "f.npz")
    found = load(tmp_path / "f.npz")
    assert list(found.items) == ["a", "b", "é"]
    assert (found.modality, found.contract, found.contract_text, found.width) == ("text", "sha256:0", "contract", 4)
    for name, one in written.items.items():
        np.testing.assert_array_equal(found.items[name].values, one.values)
        np.testing.assert_array_equal(found.items[name].usable, one.usable)
        np.testing.assert_array_equal(found.items[name].word, one.word)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("format", np.array("other/1"), "format"),
        ("offset", np.array([0, 3, 4, 8]), "offsets"),
        ("values", np.full((9, 4), np.nan, np.float32), "finite"),
    ],
)
def test_a_broken_file_is_refused(tmp_path: Path, field: str, value: np.ndarray, message: str) -> None:
    write(tmp_path / "f.npz")
    arrays = dict(np.load(tmp_path / "f.npz"))
    np.savez(tmp_path / "g.npz", **{**arrays, field: value})
    with pytest.raises(ValueError, match=message):
        load(tmp_path / "g.npz")


def test_items_without_rows_are_errors(tmp_path: Path) -> None:
    write(tmp_path / "f.npz")
    arrays = dict(np.load(tmp_path / "f.npz"))
    arrays |= {"offset": np.array([0, 3, 3, 9]), "error": np.array(["", "no face", ""])}
    np.savez(tmp_path / "g.npz", **arrays)
    found = load(tmp_path / "g.npz")
    assert found.errors == {"b": "no face"}
    assert len(found.items["é"]) == 6
