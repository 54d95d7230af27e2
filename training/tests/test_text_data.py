"""The text corpora, as rows."""

import gzip
from pathlib import Path

import pytest

from valence_training.data import emobank, mosi, sst
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


EMOBANK = """id,split,V,A,D,text
a,train,3.4,3,3,"Goodwill helps, they say."
b,test,2.8,3,3,Not here!
c,train,4.2,3,3,not here
d,dev,3,3,3,Nor here
e,train,1.5,3,3,A gorgeous film
f,train,1.5,3,3,gorgeous
"""


def test_what_is_tested_or_is_in_the_treebank_is_not_trained(tmp_path: Path) -> None:
    (tmp_path / "text").mkdir()
    for name, rows in (
        ("train", ""),
        ("dev", ""),
        ("test", "4,a gorgeous film .\n"),
        ("train_phrases", "3,gorgeous\n"),
    ):
        (tmp_path / "text" / f"sst5_{name}.csv").write_text(f"label,text\n{rows}", encoding="utf-8")
    (tmp_path / "text" / "emobank.csv").write_text(EMOBANK, encoding="utf-8")
    assert emobank.sentences("train", tmp_path) == [emobank.Row("a", 3.4, "Goodwill helps, they say.")]
    assert [row.id for row in emobank.sentences("test", tmp_path)] == ["b"]
    assert [row.id for row in emobank.sentences("dev", tmp_path)] == ["d"]


def test_an_unknown_split_is_named(tmp_path: Path) -> None:
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "emobank.csv").write_text(EMOBANK.replace("dev", "valid"), encoding="utf-8")
    with pytest.raises(ValueError, match=r"emobank.csv: split is valid; expected train, dev or test"):
        emobank.sentences("test", tmp_path)


@pytest.mark.parametrize(("share", "begun"), [(0.25, "SO"), (0.5, "SO VERY"), (0.75, "SO VERY VERY"), (1, None)])
def test_a_beginning_is_a_share_of_the_words(share: float, begun: str | None) -> None:
    assert mosi.beginning("SO VERY VERY BAD", share) == (begun or "SO VERY VERY BAD")
    assert mosi.beginning("BAD", 0.25) == "BAD"


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
    assert [len(emobank.sentences(split)) for split in ("train", "dev", "test")] == [7872, 1000, 1000]
