"""The text corpora, as rows."""

import gzip
from pathlib import Path

import pytest

from valence_training.data import mosi, sst
from valence_training.paths import data_dir


def test_mosi_rows_are_typed_and_chosen_by_split(tmp_path: Path) -> None:
    (tmp_path / "mosi").mkdir()
    (tmp_path / "mosi" / "segments.csv").write_text(
        "id,video,segment,start_s,end_s,score,split,text\na_1,a,1,0.5,2,-1.4,train,SO BAD\nb_1,b,1,0,1,3,test,SO GOOD\n"
    )
    with gzip.open(tmp_path / "mosi" / "words.csv.gz", "wt") as file:
        file.write("video,start_s,end_s,word\na,0.5,0.7,SO\n")
    assert mosi.segments(root=tmp_path)[0] == mosi.Segment("a_1", "a", 1, 0.5, 2.0, -1.4, "train", "SO BAD")
    assert [row.id for row in mosi.segments("test", tmp_path)] == ["b_1"]
    assert mosi.words(tmp_path) == [mosi.Word("a", 0.5, 0.7, "SO")]


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        ("It 's a film .", "It's a film."),
        ("They do n't care , and he 'll say so !", "They don't care, and he'll say so!"),
        ("`` Ali '' -LRB- 2001 -RRB-", '" Ali " (2001)'),
        ("co-writer \\/ director", "co-writer / director"),
    ],
)
def test_treebank_tokens_become_written_text(tokens: str, text: str) -> None:
    assert sst.written(tokens) == text


def test_a_missing_data_directory_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VALENCE_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError, match="VALENCE_DATA"):
        data_dir()


def test_the_real_corpora_are_complete() -> None:
    try:
        data_dir()
    except FileNotFoundError as error:
        pytest.skip(str(error))
    assert [len(mosi.segments(split)) for split in ("train", "valid", "test")] == [1284, 229, 686]
    assert not any("'" in row.text for row in mosi.segments())
    assert [len(sst.sentences(split)) for split in ("train", "dev", "test")] == [8527, 1095, 2203]
    assert len(sst.phrases()) == 132_892
