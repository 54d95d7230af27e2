"""Files of sequences: what is read from them, and that nothing in them is run."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import sequences_material as material

from valence_training.data import mmmo, mmsa, pickles
from valence_training.data.sequences import Sequences, no_stream, stream
from valence_training.paths import data_dir


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize("aligned", [True, False])
def test_a_file_of_mmsa_becomes_clips_with_their_lengths(tmp_path: Path, aligned: bool, protocol: int) -> None:
    data = mmsa.load(material.write(tmp_path / "x.pkl", aligned, protocol))
    assert len(data) == sum(material.SIZES.values())
    assert [s.values.shape[2] for s in data.streams] == [12, 5, 7]
    part = material.part("train", aligned)
    text, audio, video = (s.mask[data.rows("train")].sum(axis=1) for s in data.streams)
    tokens = part["text_bert"][:, 1].sum(axis=1)
    assert (text == tokens).all()
    assert (audio == (tokens if aligned else part["audio_lengths"])).all()
    assert (video == (tokens if aligned else part["vision_lengths"])).all()
    assert data.id[0] == "train0$_$0"
    assert data.group[:5] == ("train0",) * 4 + ("train1",)
    np.testing.assert_array_equal(data.target[data.rows("train")], part["regression_labels"])
    assert all(np.isfinite(s.values).all() for s in data.streams)


class Malice:
    """What a stranger's pickle may hold: a call of the shell."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (self.command,)


@pytest.mark.parametrize("protocol", range(6))
def test_a_malicious_pickle_is_refused_and_not_run(tmp_path: Path, protocol: int) -> None:
    path, ran = tmp_path / "bad.pkl", tmp_path / "ran"
    path.write_bytes(pickle.dumps({"train": Malice(f"touch {ran}")}, protocol=protocol))
    with pytest.raises(ValueError, match=r"system, which is neither .* not run"):
        pickles.load(path)
    assert not ran.exists()


@pytest.mark.parametrize(
    "program",
    [b"cbuiltins\neval\n(V1+1\ntR.", b"cnumpy.testing\nassert_\n.", b"c_codecs\nencode\n(Va\nVzlib\ntR.", b"\x80\x04"],
)
def test_only_what_rebuilds_arrays_is_admitted(tmp_path: Path, program: bytes) -> None:
    path = tmp_path / "bad.pkl"
    path.write_bytes(program)
    with pytest.raises(ValueError, match=r"bad\.pkl"):
        pickles.load(path)


def test_names_of_numpy_1_are_read(tmp_path: Path) -> None:
    path = tmp_path / "old.pkl"
    path.write_bytes(pickle.dumps(np.arange(3.0), protocol=2).replace(b"numpy._core", b"numpy.core"))
    assert pickles.load(path).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"regression_labels": None}, r"x\.pkl: train: regression_labels missing"),
        ({"audio": np.zeros((24, 3))}, r"train: audio is float64 \(24, 3\), expected numbers of \[24, steps, width\]"),
        ({"regression_labels": np.full(24, 4.0)}, "outside of"),
        ({"regression_labels": np.full(24, np.nan)}, "train0.*is not a number"),
        ({"vision": np.zeros((24, 9, 8))}, "differ in steps or widths"),
        ({"id": ["a"]}, "1 ids and 24 regression_labels"),
        ({"audio_lengths": [1]}, "1 audio_lengths for 24 clips"),
        ({"text_bert": np.zeros((24, 3, 2))}, "text_bert is"),
    ],
)
def test_a_file_of_another_layout_says_what_is_wrong(tmp_path: Path, changed: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mmsa.load(material.write(tmp_path / "x.pkl", aligned=False, **changed))


def test_something_else_than_splits_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps({"data": 1}))
    with pytest.raises(ValueError, match=r"expected a dict of train, valid and test.*found the keys data"):
        mmsa.load(path)


def test_a_video_in_two_splits_is_told(tmp_path: Path) -> None:
    ids = ["test0$_$9", *material.part("train", aligned=True)["id"][1:]]
    with pytest.warns(UserWarning, match="1 videos, as test0"):
        mmsa.load(material.write(tmp_path / "x.pkl", aligned=True, id=ids))


def test_steps_of_zeros_and_beyond_the_length_are_not_valid() -> None:
    values = np.ones((1, 4, 2))
    values[0, 1] = 0
    values[0, 0, 0] = np.inf
    clean, mask = stream(values, [3])
    assert mask.tolist() == [[True, False, True, False]]
    assert clean[0, 0].tolist() == [0, 1]


def test_parts_that_do_not_fit_are_refused() -> None:
    streams = (no_stream(2, 3), no_stream(2, 3), no_stream(1, 3))
    with pytest.raises(ValueError, match="video: values"):
        Sequences(streams, np.zeros(2, np.float32), ("a", "b"), ("a", "b"), ("train", "test"))


def test_mmmo_is_clean_and_on_the_scale_of_mosi() -> None:
    try:
        data_dir()
    except FileNotFoundError:
        pytest.skip("the data sets are not here")
    data = mmmo.load()
    text, audio, video = data.streams
    assert (len(data), audio.values.shape[1:], video.values.shape[1:]) == (340, (20, 74), (20, 36))
    assert not text.mask.any()
    assert audio.mask.any(axis=1).all()
    assert audio.values.min() > -255
    assert (data.target.min(), data.target.max()) == (-3, 3)
    assert len(set(data.group)) == 340
