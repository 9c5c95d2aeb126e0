"""Detects the encoding of a file: Unicode with certainty, code pages by plausibility."""

from __future__ import annotations

import codecs
import re
import unicodedata
from dataclasses import dataclass

from charset_normalizer import from_bytes

ASCII = "ascii"

# The most common code page comes first: of two that fit equally well, the earlier one is used.
CODE_PAGES = ("cp1252", "mac_roman", "cp437", "cp850", "iso8859_15", "cp1250", "cp1254")
_RARER = 0.02
_SENSELESS = 0.2
# Byte 0xFF in Western code pages. This byte is rarely a letter and usually a sign of damage.
_FILLER = "\xff"
_HARD_BLANK = "\xa0"
_ASCII_BYTES = frozenset(range(128))
_FEW_BYTES = 8
_LONG_RUN = 2.0

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_COMMON = set("éèêëáàâäãåíìîïóòôöõøúùûüñçßæœýÉÈÊÁÀÂÄÃÅÍÓÔÖÕØÚÜÑÇÆŒğışİŞąćęłńśźżŁŚŻčřšžěů")
_QUOTES_AND_DASHES = set("\u2018\u2019\u201c\u201d\u201e\u201a\u2013\u2014\u2026\xab\xbb\u2022\u2039\u203a")
_SIGNS = set("£€¥®™©°½¼¾²³·¡¿ªº§\xb4")


@dataclass(frozen=True, slots=True)
class DetectedEncoding:
    """A Python codec name with its confidence (0 to 1) and the reason."""

    encoding: str
    confidence: float
    reason: str


def detect_encoding(head: bytes, sample: bytes, *, sample_is_whole: bool = False) -> DetectedEncoding:
    """Detects the encoding of a file.

    Args:
        head: the first bytes of the file.
        sample: lines of the file that contain non-ASCII bytes.
        sample_is_whole: whether `sample` has all such lines of the file.
    """
    for bom, encoding in _BOMS:
        if head.startswith(bom):
            return DetectedEncoding(encoding, 1.0, "the file starts with a byte order mark")
    if wide := _utf16_without_mark(head):
        return DetectedEncoding(wide, 0.95, "every other byte is zero")
    if sample.isascii():
        why = "the file is all ASCII" if sample_is_whole else "the start of the file is all ASCII"
        return DetectedEncoding(ASCII, 1.0 if sample_is_whole else 0.9, why)
    if _valid_utf8(sample):
        return DetectedEncoding("utf-8", 0.99, "all non-ASCII characters are valid UTF-8")
    return _ranked(sample)


def is_utf8(encoding: str) -> bool:
    """Whether `encoding` is UTF-8 or its subset ASCII."""
    return codecs.lookup(encoding).name in {"utf-8", "utf-8-sig", ASCII}


def _valid_utf8(sample: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        return _mostly_utf8(sample)
    return True


def _mostly_utf8(sample: bytes) -> bool:
    """Whether at least four in five non-ASCII sequences are valid UTF-8."""
    text = sample.decode("utf-8", errors="replace")
    damaged = text.count("\ufffd")
    valid = sum(1 for c in text if ord(c) > 127) - damaged
    return valid >= 4 * damaged


def _utf16_without_mark(head: bytes) -> str | None:
    head = head[: len(head) & ~1][:4096]
    if len(head) < 8 or head.count(0) < len(head) // 4:
        return None
    even, odd = head[::2].count(0), head[1::2].count(0)
    if odd > 4 * even:
        return "utf-16-le"
    return "utf-16-be" if even > 4 * odd else None


def _ranked(sample: bytes) -> DetectedEncoding:
    """Returns the code page that puts non-ASCII letters where words have letters."""
    if _is_dense(sample) and (other := _second_opinion(sample)):
        return other
    judged = [(_plausibility(sample, page) - at * _RARER, page) for at, page in enumerate(CODE_PAGES)]
    scores = sorted(judged, key=lambda scored: -scored[0])
    best, page = scores[0]
    if best < _SENSELESS and len(set(sample)) - len(set(sample) & _ASCII_BYTES) <= _FEW_BYTES:
        return DetectedEncoding("utf-8", 0.5, "no code page gives plausible text for the invalid UTF-8")
    text = sample.decode(page, errors="replace")
    rivals = [score for score, other in scores if sample.decode(other, errors="replace") != text]
    confidence = round(min(0.95, 0.5 + (best - max(rivals, default=best - 1)) / 2), 2)
    return DetectedEncoding(page, confidence, f"gives the most plausible words: {_examples(text)}")


def _is_dense(sample: bytes) -> bool:
    """Whether non-ASCII bytes follow each other, as in languages without Latin letters."""
    runs = re.findall(rb"[\x80-\xff]+", sample)
    varied = len(set(b"".join(runs))) > 4
    return varied and sum(map(len, runs)) >= _LONG_RUN * len(runs)


def _second_opinion(sample: bytes) -> DetectedEncoding | None:
    best = from_bytes(sample).best()
    if best is None:
        return None
    return DetectedEncoding(best.encoding, 0.6, f"charset-normalizer recognises {best.language}")


def _plausibility(sample: bytes, page: str) -> float:
    text = sample.decode(page, errors="replace")
    marks = [i for i, c in enumerate(text) if ord(c) > 127]
    if not marks:
        return 0.0
    return sum(_fits(text, at) for at in marks[:5000]) / min(len(marks), 5000)


def _fits(text: str, at: int) -> float:
    """Scores how well the character at `at` fits its neighbours, from -2 to 1."""
    character = text[at]
    before = text[at - 1] if at else " "
    after = text[at + 1] if at + 1 < len(text) else " "
    if character.isalpha() and unicodedata.name(character, "").startswith("LATIN"):
        return _letter_fits(character, before, after)
    if character == _HARD_BLANK:
        return -0.5 if _HARD_BLANK in (before, after) else 0.9
    if character in "£€¥":
        return 1.0 if after.isdigit() or before.isdigit() or after == " " else 0.2
    if character in _QUOTES_AND_DASHES:
        return 0.9
    if character in _SIGNS:
        return -0.5 if before.isalpha() and after.isalpha() else 0.5
    return -2.0 if unicodedata.category(character) in {"Cc", "Cn", "Co", "So", "Sm"} else -0.8


def _letter_fits(letter: str, before: str, after: str) -> float:
    known = 1.0 if letter in _COMMON else 0.4
    if letter == _FILLER:
        return 0.0
    if letter.isupper() and before.islower():
        return -1.0
    if letter.islower() and after.isupper():
        return -1.0
    if before.isdigit() or after.isdigit():
        return -0.5
    if not before.isalpha() and not after.isalpha():
        return known - 0.8
    return known


def _examples(text: str) -> str:
    words = [word.strip("\"'.,;:()") for word in re.split(r"[\s,;|]+", text)]
    marked = dict.fromkeys(word for word in words if not word.isascii())
    return ", ".join(list(marked)[:3])[:80]
