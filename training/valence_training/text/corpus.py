"""Writes the corpus on which the serving tokenizer must agree with the encoder's own, and the ids that this one gives.

    python -m valence_training.text.corpus

`features/text/testdata/corpus.txt` holds 5,000 lines, each one JSON string in ASCII (so that no editor can change odd
white space); `corpus.ids.gz` holds as many lines of ids, [CLS] and [SEP] included, of the text exactly as it is:
apostrophes kept, nothing cut off. All texts are made here, from word lists and code points; none is from a data set.
"""

import argparse
import gzip
import json
import random
import unicodedata
from collections.abc import Callable
from pathlib import Path

from valence_training.paths import REPO
from valence_training.text.start import pretrained
from valence_training.text.wordpiece import WordPiece

LINES = 5_000
TESTDATA = REPO / "features" / "text" / "testdata"

SUBJECTS = "the movie|this film|I|we|he|she|the acting|it|the soundtrack|nobody|his last book|my sister".split("|")
VERBS = "was|is|felt|seemed|looked|really is|sounded|turned out|didn't feel|wasn't|can't be|would've been".split("|")
ADJECTIVES = (
    "good great awful boring unwatchable heartwarming overlong hilarious so-so well-acted mediocre touching "
    "predictable breathtaking pointless charming disappointing underrated gloomy unforgettable clichéd"
).split()
ADVERBS = "really|very|kind of|kinda|a bit|absolutely|not that|honestly|just so, so|um you know".split("|")
ENDINGS = [".", "!", "?", "...", "…", " -- and that's it.", ", I'd say.", "; still: worth it.", " (8/10)", "!!1", '."']
CLITICS = "don't|it's|I'm|they're|we've|she'll|you'd|rock 'n' roll|o'clock|the '90s|ain't".split("|")
NUMBERS = "3 1,000 2.5 10:30 50% $19.99 €5 £3m 7th 1/2 ½ x² №5 -40°C +1 ٣٤ ५६".split()
WEB = "http://example.com/a?b=c&d=1#e me@example.org @user_name #hash_tag C++ a_b ~/.x R&B <br/>".split()
ACCENTED = (
    "café naïve Ångström über Straße façade piñata crème brûlée Dvořák Łódź smørrebrød Þórr œuvre İstanbul ısı Ğ "
    "Việt Nam tiếng Nguyễn ΑΘΗΝΑ Σίσυφος ΟΔΟΣ ΐ Привет ёлка й Їжак Ћирилица ﬁne ﬀ ǅ ẞ Ω K Å ŉ ǰ"
).split()
CJK = "今天天气很好 映画は最高でした カタカナ ﾊﾝｶｸ 안녕하세요 정말 재미있었다 漢字かな交じり 𠀀𠮷 ㍿ 〇 、。「」・ｆｕｌｌ　ｗｉｄｔｈ ㄅㄆ 한".split()  # noqa: E501
OTHER_SCRIPTS = (
    "مرحبا بالعالم؟ السَّلامُ עֲלֵיכֶם שלום עולם नमस्ते दुनिया বাংলা ਪੰਜਾਬੀ தமிழ் తెలుగు ಕನ್ನಡ മലയാളം ไทยสวัสดี ພາສາລາວ "
    "မြန်မာ ខ្មែរ བོད་ཡིག ქართული ᲐᲑᲒ հայերեն አማርኛ ᏣᎳᎩ ꮳꮃꭹ ⴰⵎⴰⵣⵉⵖ 𐐀𐐨 𝐁𝐨𝐥𝐝 𝔉𝔯𝔞𝔨 Ⓐⓑ"
).split()
EMOJI = ("😀 👍🏽 👨‍👩‍👧‍👦 👩🏾‍🚀 🏳️‍🌈 🇩🇪🇫🇷 1️⃣ ❤️ ❤ ☺︎ 🤷🏻‍♀️ 🫠 🧑‍🤝‍🧑 💯 🏴󠁧󠁢󠁥󠁮󠁧󠁿 ©️ ™ ☎ ♥ 🥹").split()
SPACES = [chr(c) for c in (0x20, *range(0x09, 0x0E), 0x1C, 0x85, 0xA0, 0x1680, 0x180E, *range(0x2000, 0x2010))]
SPACES += list("\u2028\u2029\u202a\u202e\u202f\u205f\u2060\u2066\u3000\ufeff\ufff9\ufffd")
CONTROLS = [chr(c) for c in (*range(0x09), 0x0E, 0x1B, 0x1F, 0x7F, 0x80, 0x9F, 0xAD, 0x61C, 0xE0001, 0xF0000, 0xE000)]
MARKS = list("\u0300\u0301\u0308\u030a\u0323\u0327\u0328\u0342\u0345\u20dd\u20e3\ufe0f\u1dc4\u0489")
QUOTES = list("'\u2019\u2018\u02bc\uff07`\u00b4\u2032\"\u201c\u201d\u00ab\u201e")
DASHES = list("-\u2010\u2013\u2014\u2212\u00b7\u2022\u2026\u00bf\u00a1\u00a7\u3001\uff01")
SPECIAL = ["[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]", "[cls]", "[Music]", "[laughter]", "##ing", "[unused1]", "<s>"]
EDGES = ["", *" \u00a0\u200b\u0301aAI.'\u2019\0\ufffdÉ", "\t\n", "\ufeffhello", "E\u0301"]

# Every code point of the alphabets, symbols and forms, but not the ideographs and Hangul syllables, which are alike.
SWEPT = [
    *range(0x3400),
    *range(0x4DC0, 0x4E10),
    *range(0xA000, 0xAC00),
    *range(0xD7A0, 0xD800),
    *range(0xF8F0, 0x10200),
]
SWEPT += [*range(0x10400, 0x10450), *range(0x11000, 0x11100), *range(0x16FE0, 0x17000), *range(0x1D400, 0x1D420)]
SWEPT += [*range(0x1F000, 0x1FB00), *range(0x20000, 0x20010), *range(0x2F800, 0x2F810), *range(0xE0000, 0xE0080)]
PER_LINE = 24


def sweep() -> list[str]:
    """Each swept code point between two letters, where it shows whether it parts words, vanishes or joins them."""
    return [" ".join(f"a{chr(c)}b" for c in SWEPT[i : i + PER_LINE]) for i in range(0, len(SWEPT), PER_LINE)]


def opinion(rng: random.Random) -> str:
    """A sentence of the kind that people say about a film."""
    words = [rng.choice(SUBJECTS), rng.choice(VERBS), rng.choice(ADVERBS), rng.choice(ADJECTIVES)]
    if rng.random() < 0.5:
        words += [rng.choice(["and", "but", "because", "although"]), rng.choice(SUBJECTS), rng.choice(VERBS)]
        words += [rng.choice(ADJECTIVES)]
    return " ".join(words)


def recognised(rng: random.Random) -> str:
    """Speech recognition in capitals, without punctuation."""
    return opinion(rng).replace("'", "").replace("-", " ").upper()


def written(rng: random.Random) -> str:
    """Written English with punctuation, clitics, numbers and now and then a curly apostrophe."""
    text = opinion(rng) + rng.choice(ENDINGS)
    if rng.random() < 0.5:
        text = f"{rng.choice(CLITICS)} {rng.choice(NUMBERS)}, {text}"
    return text.replace("'", rng.choice("''\u2019")).capitalize() if rng.random() < 0.7 else text


def mixed(*lists: list[str]) -> Callable[[random.Random], str]:
    """A maker of lines that strew words of the given lists into an opinion."""

    def make(rng: random.Random) -> str:
        words = opinion(rng).split()
        for _ in range(rng.randint(1, 4)):
            words.insert(rng.randint(0, len(words)), rng.choice(rng.choice(lists)))
        text = rng.choice([" ", " ", ""]).join(words)
        return unicodedata.normalize(rng.choice(["NFC", "NFC", "NFD"]), text)

    return make


def scattered(marks: list[str]) -> Callable[[random.Random], str]:
    """A maker of lines with the given characters anywhere, inside words too."""

    def make(rng: random.Random) -> str:
        text = list(rng.choice([opinion, recognised, mixed(ACCENTED), mixed(CJK)])(rng))
        for _ in range(rng.randint(1, 8)):
            text.insert(rng.randint(0, len(text)), rng.choice(marks))
        return "".join(text)

    return make


def long_word(rng: random.Random) -> str:
    """A word about as long as the longest that is still cut into pieces, 100 characters."""
    part = rng.choice(["a", "é", "e\u0301", "go", "unbeliev", "日", "ß", "😀", "İ", "x1"])
    count = rng.choice([98, 99, 100, 101, 102, 150]) // len(part) + rng.randint(0, 1)
    return f"{rng.choice(['', 'so ', 'A'])}{part * count}{rng.choice(['', '.', ' long'])}"


def soup(rng: random.Random) -> str:
    """Code points from everywhere that a string may hold."""
    ranges = [(0x20, 0x7F), (0xA0, 0x250), (0x300, 0x370), (0x370, 0x600), (0x600, 0xE00), (0x1E00, 0x2C00)]
    ranges += [(0x3000, 0x9FFF), (0xAC00, 0xD7A4), (0xF900, 0xFFFE), (0x1F300, 0x1FA00), (0x20000, 0x20100)]
    span = [rng.choice(ranges) for _ in range(3)]
    return "".join(chr(rng.randrange(*rng.choice(span))) for _ in range(rng.randint(1, 30)))


# Shares of what the sweep and the edges leave of the lines.
MAKERS: list[tuple[int, Callable[[random.Random], str]]] = [
    (18, recognised),
    (22, written),
    (7, mixed(NUMBERS, CLITICS, WEB)),
    (8, mixed(ACCENTED)),
    (7, mixed(CJK)),
    (7, mixed(OTHER_SCRIPTS)),
    (7, mixed(EMOJI)),
    (6, scattered(SPACES)),
    (3, scattered(CONTROLS)),
    (4, scattered(MARKS)),
    (5, scattered(QUOTES + DASHES)),
    (1, mixed(SPECIAL)),
    (2, long_word),
    (3, soup),
]


def lines() -> list[str]:
    """Return the corpus, always the same."""
    rng = random.Random(20_260)  # noqa: S311
    out = EDGES + SPECIAL + sweep()
    weights, makers = zip(*MAKERS, strict=True)
    while len(out) < LINES:
        out.append(rng.choices(makers, weights)[0](rng))
    return out


def main() -> None:
    """Write both files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=TESTDATA)
    args = parser.parse_args()
    wordpiece = WordPiece(pretrained() / "tokenizer.json")
    corpus = lines()
    ids = [" ".join(map(str, wordpiece.raw_ids(text))) for text in corpus]
    args.output.mkdir(parents=True, exist_ok=True)
    (args.output / "corpus.txt").write_text("".join(json.dumps(text) + "\n" for text in corpus), encoding="ascii")
    packed = gzip.compress("".join(line + "\n" for line in ids).encode("ascii"), compresslevel=9, mtime=0)
    (args.output / "corpus.ids.gz").write_bytes(packed)


if __name__ == "__main__":
    main()
