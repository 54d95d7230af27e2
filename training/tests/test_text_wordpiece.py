"""What is done to a text before the encoder, and the corpus that holds the serving tokenizer to it."""

import gzip
import json
import os
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from valence_training.text import corpus
from valence_training.text.wordpiece import SEP, WordPiece, as_recognised, without_apostrophes

CACHE = Path(os.environ.get("VALENCE_CACHE") or Path.home() / ".cache" / "valence")
ENCODER = CACHE / "bge-small-en-v1.5" / "tokenizer.json"


@pytest.fixture
def wordpiece(tmp_path: Path) -> WordPiece:
    vocabulary = {"[UNK]": 0, "did": 1, "##nt": 2, "go": 3, ".": 4, "[CLS]": 101, "[SEP]": 102}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))  # noqa: S106
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 102), ("[CLS]", 101))
    tokenizer.enable_padding(length=16)
    tokenizer.enable_truncation(3)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    return WordPiece(tmp_path / "tokenizer.json")


@pytest.mark.parametrize("text", ["didn't", "didn’t", "didn‘t", "didnʼt", "didn＇t", "didnt"])
def test_every_apostrophe_vanishes(text: str) -> None:
    assert without_apostrophes(text) == "didnt"


def test_recognised_speech_has_neither_case_nor_punctuation() -> None:
    assert as_recognised("Well, it's a so-so film... (7/10)!") == "well its a so so film 7 10"


def test_ids_ignore_the_padding_and_truncation_of_the_file(wordpiece: WordPiece) -> None:
    assert wordpiece.ids("Didn't go.") == [101, 1, 2, 3, 4, 102]
    assert wordpiece.ids("Didn't go.", limit=4) == [101, 1, 2, SEP]


def test_the_committed_corpus_is_what_the_generator_makes() -> None:
    written = (corpus.TESTDATA / "corpus.txt").read_text(encoding="ascii").splitlines()
    assert len(written) == corpus.LINES
    assert [json.loads(line) for line in written] == corpus.lines()


def test_the_committed_ids_are_those_of_the_encoder() -> None:
    if not ENCODER.exists():
        pytest.skip(f"{ENCODER} is not there: scripts/fetch-encoder.sh fetches it")
    wordpiece = WordPiece(ENCODER)
    with gzip.open(corpus.TESTDATA / "corpus.ids.gz", "rt", encoding="ascii") as file:
        ids = [list(map(int, line.split())) for line in file]
    assert ids == [wordpiece.raw_ids(text) for text in corpus.lines()]
