"""A stream of UTF-8 text to frames of records: vectorised where a line is plain, scanned where it is not."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from orders_pipeline.importing.codes import RejectCode
from orders_pipeline.importing.dialect import Dialect
from orders_pipeline.importing.errors import FileRefused
from orders_pipeline.importing.lines import Lines, cut, split_lines, strip_blank_end
from orders_pipeline.importing.scanner import RecordScanner, Scanned, TextLines
from orders_pipeline.importing.text import STAND_IN, STAND_IN_PATTERN, STAND_IN_PREFIX

MAX_LINE_BYTES = 16 << 20
MAX_BLANK_BYTES = 1 << 20
MAX_FRAME_LINES = 200_000
RECORD_COLUMNS = {
    "record": pl.Int64,
    "line": pl.Int64,
    "raw": pl.String,
    "problem": pl.String,
    "detail": pl.String,
}

_BYTES = {chr(STAND_IN + byte): f"0x{byte:02X}" for byte in range(256)}
_PLAIN, _QUOTED, _SCANNED, _ABSORBED = range(4)


@dataclass(frozen=True, slots=True)
class Layout:
    """What to take of each record: `columns` maps names to positions among `width` fields.

    The first `skip_records` records (preamble and header) are passed over. `looks_like_record` tells whether
    the fields of a line found inside a quoted field could be a record of their own; None: such lines are
    fine.
    """

    width: int
    columns: Mapping[str, int]
    skip_records: int = 1
    looks_like_record: Callable[[list[str]], bool] | None = None


class RecordReader:
    """Reads frames with `RECORD_COLUMNS` (record number, physical line, raw text, problem) and the layout's
    columns.

    Records are numbered from 1 after the skipped ones. Blank lines at the very end are no records.
    """

    def __init__(self, dialect: Dialect, layout: Layout, file_name: str) -> None:
        self._file_name = file_name
        self._dialect = dialect
        self._layout = layout
        self._line = 1
        self._record = 1 - layout.skip_records
        self._left = b""
        self.schema = {**RECORD_COLUMNS, **dict.fromkeys(layout.columns, pl.String)}
        self._special = tuple(c for c in (dialect.quote, dialect.escape) if c)

    def frames(self, chunks: Iterator[bytes]) -> Iterator[pl.DataFrame]:
        """Frames in file order, about one a chunk.

        Raises:
            FileRefused: a line is longer than any order line.
        """
        carry = b""
        for chunk in chunks:
            block, rest = cut(carry + chunk)
            self._refuse_endless_line(rest)
            body, blanks = strip_blank_end(block)
            if len(blanks) > MAX_BLANK_BYTES:
                body, blanks = block, b""
            yield from self._block(body, final=False)
            carry = self._left + blanks + rest
        last = None
        for frame in self._block(carry.rstrip(b"\r\n"), final=True):
            if last is not None:
                yield last
            last = frame
        if last is not None:
            yield last if carry.endswith((b"\r", b"\n")) else _mark_cut_off(last)

    def _refuse_endless_line(self, rest: bytes) -> None:
        if len(rest) > MAX_LINE_BYTES:
            size = f"{MAX_LINE_BYTES >> 20} MiB"
            message = f"{self._file_name} has a line longer than {size}: order lines were expected."
            raise FileRefused("line_too_long", message, "Check that this is a CSV file.")

    def _block(self, block: bytes, *, final: bool) -> Iterator[pl.DataFrame]:
        """The records of `block`, some lines at a time; `_left` are the bytes of the one that may go on after
        it."""
        lines = split_lines(block)
        start, size = 0, MAX_FRAME_LINES
        while start < len(lines):
            window = lines.window(start, size)
            last = start + len(window) == len(lines)
            frame, taken = self._records(window, block, final=final and last)
            if not taken and last:
                break
            start, size = start + taken, MAX_FRAME_LINES if taken else size * 2
            numbered = self._numbered(frame, taken)
            if numbered.height:
                yield numbered
        self._left = lines.tail(start)

    def _records(self, lines: Lines, block: bytes, *, final: bool) -> tuple[pl.DataFrame, int]:
        """The records of `lines`, which stand in `block`, and how many lines they take up."""
        places = pl.int_range(len(lines), dtype=pl.Int64, eager=True)
        table = pl.DataFrame({"line": places, "raw": lines.text})
        if any(character.encode() in block for character in self._special):
            frame, taken = self._mixed(table, lines, final=final)
        else:
            frame, taken = self._plain(table), len(lines)
        return (_mark_undecodable(frame) if STAND_IN_PREFIX in block else frame), taken

    def _numbered(self, frame: pl.DataFrame, lines: int) -> pl.DataFrame:
        numbers = pl.int_range(self._record, self._record + frame.height, dtype=pl.Int64)
        numbered = frame.with_columns(record=numbers, line=pl.col("line") + self._line)
        skipped = max(0, 1 - self._record)
        self._line += lines
        self._record += frame.height
        return numbered.slice(skipped)

    def _mixed(self, table: pl.DataFrame, lines: Lines, *, final: bool) -> tuple[pl.DataFrame, int]:
        kinds = table.select(self._kind())["kind"]
        rows, absorbed, taken = self._scan_others(lines, kinds, final=final)
        if absorbed:
            kinds = kinds.scatter(pl.Series(absorbed, dtype=pl.UInt32), _ABSORBED)
        kinds, table = kinds.head(taken), table.head(taken)
        scanned = pl.DataFrame(rows, schema=self.schema, orient="row")
        parts = [
            self._plain(table.filter(kinds == _PLAIN)),
            self._quoted(table.filter(kinds == _QUOTED)),
            scanned,
        ]
        return pl.concat(parts).sort("line"), taken

    def _kind(self) -> pl.Expr:
        """How each line is read: without special characters, with well-formed quotes, or by the scanner."""
        raw, dialect = pl.col("raw"), self._dialect
        special = pl.any_horizontal(raw.str.contains(c, literal=True) for c in self._special)
        well_formed = raw.str.contains(_well_formed(dialect, self._layout.width))
        if dialect.escape:
            well_formed &= ~raw.str.contains(dialect.escape, literal=True)
        if dialect.skip_space or not dialect.quote:
            well_formed = pl.lit(value=False)
        kind = pl.when(~special).then(_PLAIN).when(well_formed).then(_QUOTED).otherwise(_SCANNED)
        return kind.cast(pl.Int8).alias("kind")

    def _plain(self, table: pl.DataFrame) -> pl.DataFrame:
        delimiter, width = self._dialect.delimiter, self._layout.width
        if width > 1:
            split = pl.col("raw").str.split_exact(delimiter, width - 1).struct
            fields = {name: split.field(f"field_{at}") for name, at in self._layout.columns.items()}
        else:
            fields = {name: pl.col("raw") for name in self._layout.columns}
        if self._dialect.skip_space:
            fields = {name: field.str.strip_chars_start(" \t") for name, field in fields.items()}
        return self._framed(table.with_columns(**fields, **self._counted(table["raw"])))

    def _counted(self, raw: pl.Series) -> dict[str, pl.Series]:
        """`problem` and `detail` where a line is blank or has too few or too many fields; nothing if none
        is."""
        found = raw.str.count_matches(self._dialect.delimiter, literal=True) + 1
        miscounted = found != self._layout.width
        if self._layout.width > 1 and not miscounted.any():
            return {}
        table = pl.DataFrame({"found": found, "bad": miscounted, "blank": raw.str.strip_chars() == ""})
        if self._layout.width == 1:
            table = table.with_columns(bad=pl.col("bad") | pl.col("blank"))
        blank, count = pl.lit(RejectCode.BLANK_LINE.value), pl.lit(RejectCode.FIELD_COUNT.value)
        problem = pl.when("bad").then(pl.when("blank").then(blank).otherwise(count))
        counts = pl.format(f"{{}} fields, where the header has {self._layout.width}", "found")
        detail = pl.when(pl.col("bad") & ~pl.col("blank")).then(counts)
        return table.select(problem=problem, detail=detail).to_dict()

    def _quoted(self, table: pl.DataFrame) -> pl.DataFrame:
        if not table.height:
            return pl.DataFrame(schema=self.schema)
        names = [f"field_{at}" for at in range(self._layout.width)]
        fields = pl.read_csv(
            io.BytesIO(table["raw"].str.join("\n").item().encode()),
            has_header=False,
            separator=self._dialect.delimiter,
            quote_char=self._dialect.quote,
            schema=dict.fromkeys(names, pl.String),
            empty_string_is_null=False,
        )
        if fields.height != table.height:
            raise RuntimeError(f"{table.height} quoted lines were read as {fields.height}")
        columns = {name: fields[f"field_{at}"] for name, at in self._layout.columns.items()}
        return self._framed(table.with_columns(**columns))

    def _framed(self, table: pl.DataFrame) -> pl.DataFrame:
        """Records of one line each in the common schema."""
        nothing = pl.lit(None, pl.String)
        blank = {name: nothing for name in ("problem", "detail") if name not in table.columns}
        return table.with_columns(record=pl.lit(0, pl.Int64), **blank).select(list(self.schema))

    def _scan_others(
        self, lines: Lines, kinds: pl.Series, *, final: bool
    ) -> tuple[list[tuple[object, ...]], list[int], int]:
        """Rows of the scanned records, the lines that they take up, and how many lines are settled."""
        scanner = RecordScanner(self._dialect, lines, complete=final)
        rows: list[tuple[object, ...]] = []
        absorbed: list[int] = []
        following = 0
        for index in (kinds == _SCANNED).arg_true():
            if index < following:
                continue
            scanned = scanner.scan(index)
            if scanned is None:
                return rows, absorbed, index
            scanned, found = self._scanned_rows(lines, index, scanned)
            rows += found
            following = index + scanned.lines
            absorbed += range(index, following)
        return rows, absorbed, len(lines)

    def _scanned_rows(
        self, lines: Lines, index: int, scanned: Scanned
    ) -> tuple[Scanned, list[tuple[object, ...]]]:
        inside = [lines[i] for i in range(index, index + scanned.lines)]
        fits = len(scanned.fields) == self._layout.width
        if scanned.lines > 1 and any(self._is_record(line) for line in inside[1:]):
            if fits:
                return scanned, [self._swallowed(index, i, text) for i, text in enumerate(inside)]
            scanned = Scanned([], 1, RejectCode.UNCLOSED_QUOTE, inside[0][:40])
        problem, detail = scanned.problem, scanned.detail
        if problem is None and not fits:
            problem = RejectCode.FIELD_COUNT
            detail = f"{len(scanned.fields)} fields, where the header has {self._layout.width}"
        fields = scanned.fields if scanned.problem is None else self._best_effort(scanned.fields, inside[0])
        raw = "".join(lines[i] + lines.end(i) for i in range(index, index + scanned.lines - 1))
        raw += lines[index + scanned.lines - 1]
        return scanned, [(0, index, raw, problem, detail or None, *self._picked(fields))]

    def _swallowed(self, opened: int, offset: int, text: str) -> tuple[object, ...]:
        fields = self._picked(self._best_effort([], text))
        return (0, opened + offset, text, RejectCode.SWALLOWED_LINES, str(self._line + opened), *fields)

    def _is_record(self, line: str) -> bool:
        test = self._layout.looks_like_record
        if test is None or line.count(self._dialect.delimiter) < self._layout.width - 1:
            return False
        scanned = RecordScanner(self._dialect, TextLines([line])).scan(0)
        return scanned is not None and len(scanned.fields) == self._layout.width and test(scanned.fields)

    def _best_effort(self, read: list[str], line: str) -> list[str]:
        """The fields `read` before a break, and what splitting the line at each delimiter gives for the
        others."""
        naive = [field.strip(self._dialect.quote or None) for field in line.split(self._dialect.delimiter)]
        return read + naive[len(read) :]

    def _picked(self, fields: list[str]) -> list[str | None]:
        return [fields[at] if at < len(fields) else None for at in self._layout.columns.values()]


def _well_formed(dialect: Dialect, width: int) -> str:
    """A pattern of lines that are one whole record of `width` fields, quoted or not."""
    quote, delimiter = re.escape(dialect.quote), re.escape(dialect.delimiter)
    field = f"(?:{quote}(?:[^{quote}]|{quote}{quote})*{quote}|[^{quote}{delimiter}]*)"
    return f"^{field}(?:{delimiter}{field}){{{width - 1}}}$"


def _mark_cut_off(frame: pl.DataFrame) -> pl.DataFrame:
    """Marks the file's last line, which has no line end, if it is broken."""
    last = pl.int_range(pl.len()) == frame.height - 1
    broken = pl.col("problem").is_in([RejectCode.FIELD_COUNT.value, RejectCode.UNCLOSED_QUOTE.value])
    code = pl.when(last & broken).then(pl.lit(RejectCode.CUT_OFF.value)).otherwise(pl.col("problem"))
    return frame.with_columns(problem=code)


def _mark_undecodable(frame: pl.DataFrame) -> pl.DataFrame:
    bad = pl.col("raw").str.contains(STAND_IN_PATTERN) & pl.col("problem").is_null()
    first = pl.col("raw").str.extract(f"({STAND_IN_PATTERN})")
    return frame.with_columns(
        problem=pl.when(bad).then(pl.lit(RejectCode.UNDECODABLE.value)).otherwise(pl.col("problem")),
        detail=pl.when(bad).then(first.replace_strict(_BYTES, default=None)).otherwise(pl.col("detail")),
    )
