"""Detects the CSV dialect of a file from its first lines."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from orders_pipeline.order_files.records.dialect import Dialect
from orders_pipeline.order_files.records.scanner import RecordScanner, Scanned, TextLines

DELIMITERS = (",", ";", "\t", "|")
RARE_DELIMITERS = (" ", ":", "^", "~", "\x1f")
SNIFFED_RECORDS = 200
SNIFFED_LINES = 2000
# In a header with more punctuation than this, no delimiter of several characters is searched.
HEADER_LOOKED_AT, MOST_CANDIDATES = 4096, 20

NAMES = {
    ",": "comma",
    ";": "semicolon",
    "\t": "tab",
    "|": "pipe",
    " ": "space",
    '"': 'double quote "',
    "'": "single quote '",
    "": "none",
}

KnowsHeader = Callable[[list[str]], bool]


@dataclass(frozen=True, slots=True)
class Sniffed:
    """A dialect and the first records read with it.

    Attributes:
        regular: the share of records that have `width` fields.
        first_line: the physical line, or the row, of the first record.
    """

    dialect: Dialect
    records: tuple[Scanned, ...]
    width: int
    regular: float
    confidence: float
    first_line: int = 1

    @property
    def reason(self) -> str:
        return f"{self.regular:.0%} of the first {len(self.records)} records have {self.width} fields"


def sniff(lines: list[str], line_end: str, fixed: dict[str, str], knows_header: KnowsHeader) -> Sniffed:
    """Finds the dialect that reads `lines` as the most regular table.

    Args:
        lines: the first lines of the file.
        line_end: their line end.
        fixed: the parts of the dialect (`delimiter`, `quote`, `escape`) that the caller sets.
        knows_header: tells whether a record is a known header; a dialect that gives one is preferred.
    """
    judged = _judge_all(lines, line_end, fixed, DELIMITERS, knows_header)
    usual = any(character in lines[0] for character in DELIMITERS) if lines else True
    if not usual and judged[0][1].width == 1 and "delimiter" not in fixed:
        judged = sorted(
            judged + _judge_all(lines, line_end, fixed, RARE_DELIMITERS, knows_header), key=_by_score
        )
    score, best = judged[0]
    others = [other for other, found in judged if found.dialect.delimiter != best.dialect.delimiter]
    confidence = round(max(0.0, min(1.0, 0.5 + (score - max(others, default=0.0)) / 2)), 2)
    return Sniffed(best.dialect, best.records, best.width, best.regular, confidence)


def read_records(lines: list[str], dialect: Dialect, limit: int = SNIFFED_RECORDS) -> Iterator[Scanned]:
    """Yields the first records of `lines`, including blank ones."""
    scanner = RecordScanner(dialect, TextLines(lines))
    at = 0
    for _ in range(limit):
        scanned = scanner.scan(at) if at < len(lines) else None
        if scanned is None:
            return
        yield scanned
        at += scanned.lines


def long_delimiter(lines: list[str]) -> str | None:
    """Returns a delimiter of several characters, such as `||` or `~|~`, if the first lines use one."""
    filled = [line for line in lines[:20] if line.strip()]
    if len(filled) < 2:
        return None
    candidates = dict.fromkeys(re.findall(r"[^\w\s\"']{2,4}|\t{2,4}", filled[0][:HEADER_LOOKED_AT]))
    for found in list(candidates)[:MOST_CANDIDATES]:
        counts = {line.count(found) for line in filled}
        names = filled[0].split(found)
        if len(counts) == 1 and min(counts) >= 2 and all(re.search(r"\w", name) for name in names):
            return str(found)
    return None


_Judged = tuple[float, Sniffed]


def _by_score(judged: _Judged) -> float:
    return -judged[0]


def _judge_all(
    lines: list[str],
    line_end: str,
    fixed: dict[str, str],
    delimiters: tuple[str, ...],
    knows_header: KnowsHeader,
) -> list[_Judged]:
    candidates = _candidates(lines[:SNIFFED_LINES], line_end, fixed, delimiters)
    return sorted((_judge(lines, dialect, knows_header) for dialect in candidates), key=_by_score)


def _judge(lines: list[str], dialect: Dialect, knows_header: KnowsHeader) -> _Judged:
    records = tuple(read_records(lines, dialect))
    filled = [record for record in records if any(field.strip() for field in record.fields)]
    widths = Counter(len(record.fields) for record in filled if record.problem is None)
    width, count = max(widths.items(), key=lambda item: (item[1], item[0]), default=(1, 0))
    regular = count / max(1, len(filled))
    known = any(knows_header(record.fields) for record in filled[:30])
    return regular * (width - 1) / width + known, Sniffed(dialect, records, width, regular, 0.0)


def _candidates(
    lines: list[str], line_end: str, fixed: dict[str, str], delimiters: tuple[str, ...]
) -> Iterator[Dialect]:
    for delimiter in (fixed["delimiter"],) if "delimiter" in fixed else delimiters:
        quote = fixed.get("quote", _likely_quote(lines, delimiter))
        for escape in (fixed["escape"],) if "escape" in fixed else _likely_escapes(lines, quote):
            spaced = _blank_follows(lines, delimiter, quote)
            yield Dialect(delimiter, quote, escape, skip_space=spaced, line_end=line_end)


def _likely_quote(lines: list[str], delimiter: str) -> str:
    text = "\n".join(lines)
    edge = re.escape(delimiter)
    found = {q: len(re.findall(f"(?:^|{edge} ?){q}|{q}(?:{edge}|$)", text, re.MULTILINE)) for q in "\"'"}
    return "'" if found["'"] > 2 * found['"'] else '"'


def _likely_escapes(lines: list[str], quote: str) -> tuple[str, ...]:
    text = "\n".join(lines)
    if quote == "'" and '""' in text and '"' not in text.replace('""', ""):
        # If every double quote is doubled, the file was first written with the double quote as its quote
        # character and then wrapped in single quotes.
        return ('"',)
    return ("", "\\") if quote and "\\" + quote in text else ("",)


def _blank_follows(lines: list[str], delimiter: str, quote: str) -> bool:
    """Whether a space follows (almost) every delimiter outside quotes, as in `a, b, "c"`."""
    if delimiter not in ",;|":
        return False
    edge, mark = re.escape(delimiter), re.escape(quote)
    sample = lines[:50]
    bare = [re.sub(f"{mark}[^{mark}]*{mark}", "", line) if quote else line for line in sample]
    found = re.findall(f"{edge}(.?)", "\n".join(bare))
    return len(found) > 3 and sum(character == " " for character in found) > 0.95 * len(found)
