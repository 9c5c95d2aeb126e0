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
from orders_pipeline.importing.scanner import MAX_RECORD_CHARS, RecordScanner, Scanned
from orders_pipeline.importing.text import STAND_IN_PATTERN, STAND_IN_PREFIX

MAX_LINE_BYTES = 16 << 20

META = {"record": pl.Int64, "line": pl.Int64, "raw": pl.String, "problem": pl.String, "detail": pl.String}


@dataclass(frozen=True, slots=True)
class Layout:
    """What to take of each record: `columns` maps names to positions among `width` fields.

    `skip_records` leading records (preamble and header) are passed over. `looks_like_record` tells whether the fields
    of a line found inside a quoted field could be a record of their own; None: such lines are not looked for.
    """

    width: int
    columns: Mapping[str, int]
    skip_records: int = 1
    looks_like_record: Callable[[list[str]], bool] | None = None


class RecordReader:
    """Reads frames with the columns of `META` (record and physical line, raw text, problem) and of the layout.

    Record numbers start at 1 after the skipped ones. Blank lines at the very end are no records.
    """

    def __init__(self, dialect: Dialect, layout: Layout) -> None:
        self._dialect = dialect
        self._layout = layout
        self._line = 1
        self._record = 1 - layout.skip_records
        self._schema = {**META, **dict.fromkeys(layout.columns, pl.String)}
        self._quoted_line = _well_formed(dialect)

    def frames(self, chunks: Iterator[bytes]) -> Iterator[pl.DataFrame]:
        """Frames in file order, about one a chunk.

        Raises:
            FileRefused: a line is longer than any order line.
        """
        carry = b""
        for chunk in chunks:
            block, rest = _cut(carry + chunk)
            if len(rest) > MAX_LINE_BYTES:
                raise FileRefused(
                    "line_too_long",
                    f"Line {self._line} is over {MAX_LINE_BYTES >> 20} MiB long.",
                    "Is this a CSV file?",
                )
            frame, left = self._block(block, final=False)
            carry = left + rest
            if frame.height:
                yield frame
        frame, _ = self._block(_line_feeds(carry).rstrip(b"\r\n"), final=True)
        if frame.height:
            yield frame

    def _block(self, block: bytes, *, final: bool) -> tuple[pl.DataFrame, bytes]:
        body = block.rstrip(b"\n") if len(block) < MAX_LINE_BYTES or block.strip(b"\n") else block
        blanks = block[len(body) :]
        if not body:
            return pl.DataFrame(schema=self._schema), block
        if not final:
            body, blanks = body + b"\n", blanks[1:]
        lines = pl.read_lines(io.BytesIO(body))["line"].rechunk()
        frame, taken = self._records(lines, body, final=final)
        left = b"" if taken == lines.len() else ("\n".join(lines[taken:].to_list()) + "\n").encode()
        frame = self._numbered(frame)
        self._line += taken
        return frame, left + blanks

    def _numbered(self, frame: pl.DataFrame) -> pl.DataFrame:
        skipped = min(max(0, 1 - self._record), frame.height)
        numbered = frame.with_columns(
            record=pl.int_range(self._record, self._record + frame.height, dtype=pl.Int64),
            line=pl.col("line") + self._line,
        )
        self._record += frame.height
        return numbered.slice(skipped)

    def _records(self, lines: pl.Series, body: bytes, *, final: bool) -> tuple[pl.DataFrame, int]:
        special = [c.encode() for c in (self._dialect.quote, self._dialect.escape) if c]
        table = pl.DataFrame({"line": pl.int_range(lines.len(), dtype=pl.Int64, eager=True), "raw": lines})
        taken = table.height
        if not any(character in body for character in special):
            frame = self._plain(table)
        else:
            frame, taken = self._mixed(table, final=final)
        if STAND_IN_PREFIX in body:
            frame = _mark_undecodable(frame)
        return frame, taken

    def _mixed(self, table: pl.DataFrame, *, final: bool) -> tuple[pl.DataFrame, int]:
        dialect = self._dialect
        has_special = pl.lit(value=False)
        for character in filter(None, (dialect.quote, dialect.escape)):
            has_special |= pl.col("raw").str.contains(character, literal=True)
        if dialect.skip_space:
            well_formed = pl.lit(value=False)
        else:
            well_formed = pl.col("raw").str.contains(self._quoted_line)
            if dialect.escape:
                well_formed &= ~pl.col("raw").str.contains(dialect.escape, literal=True)
        kinds = table.select(
            pl.when(~has_special).then(0).when(well_formed).then(1).otherwise(2).alias("kind")
        )["kind"]
        scanned, absorbed, taken = self._scan_others(table["raw"], kinds, final=final)
        if absorbed:
            mask = pl.Series(absorbed, dtype=pl.Int64)
            kinds = kinds.scatter(mask, 9)
        kinds = kinds.head(taken)
        table = table.head(taken)
        parts = [self._plain(table.filter(kinds == 0)), self._quoted(table.filter(kinds == 1)), scanned]
        return pl.concat(parts).sort("line"), taken

    def _plain(self, table: pl.DataFrame) -> pl.DataFrame:
        delimiter, width = self._dialect.delimiter, self._layout.width
        raw = pl.col("raw")
        found = raw.str.count_matches(delimiter, literal=True)
        if width > 1:
            split = table["raw"].str.split_exact(delimiter, width - 1)
            fields = {name: split.struct.field(f"field_{at}") for name, at in self._layout.columns.items()}
        else:
            fields = dict.fromkeys(self._layout.columns, table["raw"])
        if self._dialect.skip_space:
            fields = {name: column.str.strip_chars_start(" \t") for name, column in fields.items()}
        return self._framed(table, found).with_columns(**fields).select(list(self._schema))

    def _quoted(self, table: pl.DataFrame) -> pl.DataFrame:
        if not table.height:
            return pl.DataFrame(schema=self._schema)
        quote = re.escape(self._dialect.quote)
        bare = pl.col("raw").str.replace_all(f"{quote}[^{quote}]*{quote}", "")
        found = bare.str.count_matches(self._dialect.delimiter, literal=True)
        framed = self._framed(table, found)
        names = [f"field_{at}" for at in range(self._layout.width)]
        body = "\n".join(table["raw"].to_list()).encode()
        fields = pl.read_csv(
            io.BytesIO(body),
            has_header=False,
            separator=self._dialect.delimiter,
            quote_char=self._dialect.quote,
            schema=dict.fromkeys(names, pl.String),
            empty_string_is_null=False,
            extra_columns="ignore",
            missing_columns="insert",
        )
        if fields.height != table.height:
            raise RuntimeError(f"{table.height} quoted lines were read as {fields.height}")
        columns = {name: fields[f"field_{at}"] for name, at in self._layout.columns.items()}
        return framed.with_columns(**columns).select(list(self._schema))

    def _framed(self, table: pl.DataFrame, found: pl.Expr) -> pl.DataFrame:
        """`line`, `raw`, `problem` and `detail` of single-line records with `found` delimiters."""
        blank = pl.col("raw").str.strip_chars() == ""
        miscounted = found != self._layout.width - 1
        return table.with_columns(
            record=pl.lit(0, pl.Int64),
            problem=pl.when(blank)
            .then(pl.lit(RejectCode.BLANK_LINE.value))
            .when(miscounted)
            .then(pl.lit(RejectCode.FIELD_COUNT.value)),
            detail=pl.when(miscounted).then((found + 1).cast(pl.String)),
        )

    def _scan_others(
        self, raw: pl.Series, kinds: pl.Series, *, final: bool
    ) -> tuple[pl.DataFrame, list[int], int]:
        scanner = RecordScanner(self._dialect, _SeriesLines(raw), complete=final)
        rows: list[tuple[object, ...]] = []
        absorbed: list[int] = []
        following = 0
        for index in (kinds == 2).arg_true():
            if index < following:
                continue
            scanned = scanner.scan(index)
            if scanned is None:
                return self._scanned_frame(rows), absorbed, index
            rows += self._scanned_rows(raw, index, scanned)
            following = index + scanned.lines
            absorbed += range(index, following)
        return self._scanned_frame(rows), absorbed, raw.len()

    def _scanned_rows(self, raw: pl.Series, index: int, scanned: Scanned) -> list[tuple[object, ...]]:
        inside = [raw[i] for i in range(index, index + scanned.lines)]
        if scanned.lines > 1 and any(self._is_record(line) for line in inside[1:]):
            code, opened = RejectCode.SWALLOWED_LINES.value, str(self._line + index)
            return [(0, index + i, text, code, opened, *self._split(text)) for i, text in enumerate(inside)]
        problem, detail = scanned.problem, scanned.detail
        if problem is None and len(scanned.fields) != self._layout.width:
            problem, detail = RejectCode.FIELD_COUNT, str(len(scanned.fields))
        fields = scanned.fields if scanned.problem is None else self._best_effort(scanned.fields, inside[0])
        picked = [fields[at] if at < len(fields) else None for at in self._layout.columns.values()]
        return [(0, index, "\n".join(inside), problem.value if problem else None, detail or None, *picked)]

    def _is_record(self, line: str) -> bool:
        test = self._layout.looks_like_record
        if test is None or line.count(self._dialect.delimiter) < self._layout.width - 1:
            return False
        scanned = RecordScanner(self._dialect, [line]).scan(0)
        return scanned is not None and len(scanned.fields) == self._layout.width and test(scanned.fields)

    def _split(self, line: str) -> list[str | None]:
        fields = [field.strip(self._dialect.quote or None) for field in line.split(self._dialect.delimiter)]
        return [fields[at] if at < len(fields) else None for at in self._layout.columns.values()]

    def _best_effort(self, read: list[str], line: str) -> list[str]:
        naive = [field.strip(self._dialect.quote or None) for field in line.split(self._dialect.delimiter)]
        return read + naive[len(read) :]

    def _scanned_frame(self, rows: list[tuple[object, ...]]) -> pl.DataFrame:
        return pl.DataFrame(rows, schema=self._schema, orient="row")


class _SeriesLines:
    """Physical lines by index, as the scanner wants them."""

    def __init__(self, lines: pl.Series) -> None:
        self._lines = lines

    def __len__(self) -> int:
        return self._lines.len()

    def __getitem__(self, index: int) -> str:
        line: str = self._lines[index]
        return line


def _cut(text: bytes) -> tuple[bytes, bytes]:
    """`text` up to its last line end, with line feeds only, and the rest."""
    held = text[-1:] if text.endswith(b"\r") else b""
    text = _line_feeds(text[: len(text) - len(held)])
    end = text.rfind(b"\n") + 1
    return text[:end], text[end:] + held


def _line_feeds(text: bytes) -> bytes:
    return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in text else text


def _well_formed(dialect: Dialect) -> str:
    """A pattern of lines that are one whole record with quoted fields."""
    quote, delimiter = re.escape(dialect.quote), re.escape(dialect.delimiter)
    if not quote:
        return "^$"
    field = f"(?:[^{quote}{delimiter}]*|{quote}(?:[^{quote}]|{quote}{quote})*{quote})"
    return f"^{field}(?:{delimiter}{field})*$"


def _mark_undecodable(frame: pl.DataFrame) -> pl.DataFrame:
    bad = pl.col("raw").str.contains(STAND_IN_PATTERN) & pl.col("problem").is_null()
    return frame.with_columns(
        problem=pl.when(bad).then(pl.lit(RejectCode.UNDECODABLE.value)).otherwise(pl.col("problem")),
        detail=pl.when(bad)
        .then(pl.col("raw").str.extract(f"({STAND_IN_PATTERN})"))
        .otherwise(pl.col("detail")),
    )


__all__ = ["MAX_RECORD_CHARS", "Layout", "RecordReader"]
