"""From a transcript to word pieces: the encoder's own tokenizer, and what is done to a text before it."""

import re
from pathlib import Path

from tokenizers import Tokenizer

CLS, SEP = 101, 102

# MOSI's transcripts, like much speech recognition, write DIDNT: an apostrophe never reaches the encoder, in training or
# when serving. features/text holds the same list: typewriter, right and left quote, modifier letter, full width.
APOSTROPHES = "'\u2019\u2018\u02bc\uff07"

_STRIP = str.maketrans("", "", APOSTROPHES)
_NOT_WORD = re.compile(r"[\W_]+")


def without_apostrophes(text: str) -> str:
    """Return the text as the tokenizer must see it: every apostrophe dropped, its neighbours joined."""
    return text.translate(_STRIP)


def as_recognised(text: str) -> str:
    """Return the text as bare speech recognition writes it: lower case, no punctuation, single spaces."""
    return _NOT_WORD.sub(" ", without_apostrophes(text).lower()).strip()


class WordPiece:
    """The tokenizer.json of an encoder; ids come with [CLS] and [SEP] around them."""

    def __init__(self, path: Path) -> None:
        self.tokenizer = Tokenizer.from_file(str(path))
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()

    def ids(self, text: str, limit: int | None = None) -> list[int]:
        """Return the ids of a text, apostrophes stripped; with a limit its first pieces up to that length in all."""
        ids: list[int] = self.tokenizer.encode(without_apostrophes(text)).ids
        return ids if limit is None or len(ids) <= limit else [*ids[: limit - 1], SEP]

    def raw_ids(self, text: str) -> list[int]:
        """Return the ids of a text exactly as it is."""
        ids: list[int] = self.tokenizer.encode(text).ids
        return ids

    def vocabulary(self) -> list[str]:
        """Return the word pieces in the order of their ids."""
        by_id = {i: piece for piece, i in self.tokenizer.get_vocab(with_added_tokens=True).items()}
        return [by_id[i] for i in range(len(by_id))]
