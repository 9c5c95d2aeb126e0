"""Which dialect a file is written in, from its first lines."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from orders_pipeline.importing.dialect import Dialect
from orders_pipeline.importing.scanner import RecordScanner, Scanned

DELIMITERS = (",", ";", "\t", "|")
SNIFFED_RECORDS = 200

NAMES = {
    ",": "comma",
    ";": "semicolon",
    "\t": "tab",
    "|": "pipe",
    '"': 'double quote "',
    "'": "single quote '",
}


@dataclass(frozen=True, slots=True)
class Sniffed:
    """A dialect, the first records read with it, how sure it is (0 to 1), and why."""

    dialect: Dialect
    records: tuple[Scanned, ...]
    confidence: float
    reason: str


def sniff(
    lines: list[str], wanted: Dialect | None, fixed: dict[str, str], knows_header: Callable[[list[str]], bool]
) -> Sniffed:
    """The dialect under which `lines` make the most regular table.

    `fixed` holds the parts (`delimiter`, `quote`, `escape`) that are given. A header that `knows_header` settles more
    than regularity does.
    """
    base = wanted or Dialect()
    ranked = sorted(
        (_judge(lines, dialect, knows_header) for dialect in _candidates(lines, base, fixed)),
        key=lambda judged: -judged[0],
    )
    score, dialect, records, regular, width = ranked[0]
    runner_up = max((other[0] for other in ranked if other[1].delimiter != dialect.delimiter), default=0.0)
    confidence = round(max(0.0, min(1.0, 0.5 + (score - runner_up) / 2)), 2)
    reason = f"{regular:.0%} of the first {len(records)} records have {width} fields"
    return Sniffed(dialect, tuple(records), confidence, reason)


def read_records(lines: list[str], dialect: Dialect, limit: int = SNIFFED_RECORDS) -> Iterator[Scanned]:
    """The first records of `lines`, blank ones included."""
    scanner = RecordScanner(dialect, lines)
    at = 0
    for _ in range(limit):
        if at >= len(lines):
            return
        scanned = scanner.scan(at)
        if scanned is None:
            return
        yield scanned
        at += scanned.lines


Judged = tuple[float, Dialect, list[Scanned], float, int]


def _judge(lines: list[str], dialect: Dialect, knows_header: Callable[[list[str]], bool]) -> Judged:
    records = list(read_records(lines, dialect))
    filled = [r for r in records if any(field.strip() for field in r.fields)]
    widths = Counter(len(r.fields) for r in filled if r.problem is None)
    width, count = max(widths.items(), key=lambda item: (item[1], item[0]), default=(1, 0))
    regular = count / max(1, len(filled))
    known = any(knows_header(r.fields) for r in filled[:30])
    return regular * (width - 1) / width + known, dialect, records, regular, width


def _candidates(lines: list[str], base: Dialect, fixed: dict[str, str]) -> Iterator[Dialect]:
    delimiters = (fixed["delimiter"],) if fixed.get("delimiter") else DELIMITERS
    for delimiter in delimiters:
        quotes = (fixed["quote"],) if "quote" in fixed else _likely_quotes(lines, delimiter)
        for quote in quotes:
            escapes = (fixed["escape"],) if "escape" in fixed else _likely_escapes(lines, quote)
            for escape in escapes:
                dialect = replace(base, delimiter=delimiter, quote=quote, escape=escape)
                yield replace(dialect, skip_space=_blank_follows(lines, dialect))


def _likely_quotes(lines: list[str], delimiter: str) -> tuple[str, ...]:
    text = "\n".join(lines[:2000])
    edge = re.escape(delimiter)
    found = {q: len(re.findall(f"(?:^|{edge} ?){q}|{q}(?:{edge}|$)", text, re.M)) for q in "\"'"}
    return ("'",) if found["'"] > 2 * found['"'] else ('"',)


def _likely_escapes(lines: list[str], quote: str) -> tuple[str, ...]:
    return ("", "\\") if any("\\" + quote in line for line in lines) else ("",)


def _blank_follows(lines: list[str], dialect: Dialect) -> bool:
    """Whether every delimiter outside quotes is followed by a blank, as in `a, b, "c"`."""
    if dialect.delimiter not in ",;|":
        return False
    quote, delimiter = re.escape(dialect.quote), re.escape(dialect.delimiter)
    bare = [re.sub(f"{quote}[^{quote}]*{quote}", "", line) for line in lines[:50]]
    found = re.findall(f"{delimiter}(.?)", "\n".join(bare))
    return len(found) > 3 and sum(character == " " for character in found) > 0.95 * len(found)
