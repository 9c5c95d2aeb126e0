"""A whole order file, parsed once by streaming into batches of whole orders and a table of rejects."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import polars as pl

from orders_pipeline.importing.amounts import AmountEvidence, DecimalSign
from orders_pipeline.importing.codes import RejectCode
from orders_pipeline.importing.convert import Decisions, convert_lines, order_key
from orders_pipeline.importing.dates import DateEvidence, DateRules, OpenDates
from orders_pipeline.importing.errors import FileRefused
from orders_pipeline.importing.identify import Identified
from orders_pipeline.importing.options import ParseRules
from orders_pipeline.importing.orders import SettledLines, settle_lines
from orders_pipeline.importing.parsed import Finding, ParsedBatch, ParsedFile
from orders_pipeline.importing.profile import DateOrder, OrderField
from orders_pipeline.importing.records import Layout, RecordReader
from orders_pipeline.importing.source import Container, Source, open_source, read_chunks
from orders_pipeline.importing.spill import Spill, batch_count
from orders_pipeline.importing.text import utf8_chunks

# Packed order files are about a tenth of their size.
PACKED_RATIO = 10


class RecordsLostError(RuntimeError):
    """The counts of a parsed file do not add up: a defect of the importer, never of the file."""


def parse_order_file(path: Path, identified: Identified, rules: ParseRules, target: Path) -> ParsedFile:
    """Writes `batch-NNNN.orders.parquet`, `batch-NNNN.lines.parquet` and `rejects-NNNN.parquet` into `target`.

    What an earlier attempt left there is replaced.

    Raises:
        FileRefused: the file cannot be read to its end, a column leaves open how it is to be read, or there are more
            rejects than `rules` allow.
    """
    source = open_source(path, identified.member or None)
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    reading = _Reading(identified, source)
    spill = reading.spill(rules, target / "spill")
    try:
        decisions = reading.decide()
        parsed = _write_parts(spill, identified, decisions, rules, target)
    finally:
        spill.close()
    result = parsed.result(reading.records, (*identified.findings, *reading.findings(decisions)))
    _check_rejects(source, result, rules)
    return result


class _Reading:
    """The first pass: raw fields by order, and what the columns say about themselves."""

    def __init__(self, identified: Identified, source: Source) -> None:
        self._identified = identified
        self._source = source
        self._price = AmountEvidence()
        self._quantity = AmountEvidence()
        self._dates = DateEvidence()
        self.records = 0

    def spill(self, rules: ParseRules, folder: Path) -> Spill:
        frames = self._frames()
        first = next(frames, None)
        spill = Spill(folder, self._batches(first, rules))
        for frame in chain([first] if first is not None else [], frames):
            prepared = self._prepared(frame)
            self.records += prepared.height
            self._collect(prepared)
            spill.add(prepared)
        return spill

    def _frames(self) -> Iterator[pl.DataFrame]:
        identified = self._identified
        text = utf8_chunks(read_chunks(self._source), identified.encoding)
        return RecordReader(identified.dialect, _layout(identified)).frames(text)

    def _batches(self, first: pl.DataFrame | None, rules: ParseRules) -> int:
        if first is None:
            return 1
        packed = PACKED_RATIO if self._source.container is not Container.PLAIN else 1
        total = self._source.size() * packed
        return batch_count(total, first["raw"].str.len_bytes().sum() / first.height + 1, rules.batch_lines)

    def _prepared(self, frame: pl.DataFrame) -> pl.DataFrame:
        frame = frame.with_columns(order=order_key(pl.col("order_number")))
        if OrderField.ORDERED_TIME in frame.columns:
            joined = pl.concat_str("ordered_at", "ordered_time", separator=" ", ignore_nulls=True)
            frame = frame.with_columns(ordered_at=joined)
        frame = self._marked_skips(frame)
        return self._marked_headers(frame).drop("order_number")

    def _marked_skips(self, frame: pl.DataFrame) -> pl.DataFrame:
        skips = [(name, values) for name, values in _skip_columns(self._identified) if name in frame.columns]
        if not skips:
            return frame.with_columns(skipped=pl.lit(None, pl.String))
        text = [(pl.col(name).str.strip_chars(), values) for name, values in skips]
        matches = [
            pl.when(
                (t != "") if "*" in values else t.str.to_lowercase().is_in([v.lower() for v in values])
            ).then(t)
            for t, values in text
        ]
        return frame.with_columns(skipped=pl.coalesce(*matches)).drop(name for name, _ in skips)

    def _marked_headers(self, frame: pl.DataFrame) -> pl.DataFrame:
        header, positions = self._identified.header, _columns(self._identified)
        fields = [name for name in positions if name in frame.columns]
        stripped = {name: pl.col(name).str.strip_chars() for name in fields}
        blank = pl.all_horizontal(text.fill_null("") == "" for text in stripped.values())
        repeated = pl.all_horizontal(
            stripped[n] == header[positions[n]] for n in ("order_number", "quantity") if n in stripped
        )
        marked = (
            pl.when(repeated & pl.col("problem").is_null())
            .then(pl.lit(RejectCode.REPEATED_HEADER.value))
            .when(blank & pl.col("problem").is_null())
            .then(pl.lit(RejectCode.BLANK_LINE.value))
            .otherwise(pl.col("problem"))
        )
        return frame.with_columns(problem=marked).with_columns(
            order=pl.when(pl.col("problem").eq_missing(RejectCode.REPEATED_HEADER.value))
            .then(None)
            .otherwise(pl.col("order"))
        )

    def _collect(self, frame: pl.DataFrame) -> None:
        sound = (
            frame
            if frame["problem"].null_count() == frame.height
            else frame.filter(pl.col("problem").is_null())
        )
        if (price := self._identified.profile.price_field.value) in sound.columns:
            self._price.add(sound[price])
        if "quantity" in sound.columns:
            self._quantity.add(sound["quantity"])
        if "ordered_at" in sound.columns:
            self._dates.add(sound["ordered_at"])

    def decide(self) -> Decisions:
        return Decisions(
            self._sign(self._price, "price"), self._sign(self._quantity, "quantity"), self._date_rules()
        )

    def _sign(self, evidence: AmountEvidence, what: str) -> DecimalSign:
        given = self._identified.options.decimal or self._identified.profile.decimal
        if given:
            return DecimalSign(given)
        decided = evidence.decide()
        if decided is None:
            raise FileRefused(
                "decimal_ambiguous",
                f"{self._source.name} writes every {what} in a way that can be read as thousands or as decimals, such as "
                f"{evidence.example}.",
                "Say which sign is the decimal one: `.` or `,`.",
            )
        return decided

    def _date_rules(self) -> DateRules:
        given, profile = self._identified.options.date_format, self._identified.profile
        if given and "%" in given:
            return DateRules(format=given)
        order = DateOrder(given.upper()) if given else profile.date_order
        decided = self._dates.decide(order, profile.short_date_order)
        if isinstance(decided, OpenDates):
            readings = " and as ".join(order.value for order in decided.orders)
            raise FileRefused(
                "dates_ambiguous",
                f"{self._source.name}: every order date written like {decided.example} can be read as {readings}.",
                f"Say which it is, as the date format: {' or '.join(order.value for order in decided.orders)}.",
            )
        return decided

    def findings(self, decisions: Decisions) -> Iterator[Finding]:
        yield Finding("decimal sign", decisions.price.sign, 1.0, "the whole price column was looked at")
        for family, order in decisions.dates.orders:
            yield Finding(
                "date order",
                order.value,
                1.0,
                f"dates with {family[0]} and a {family[1]}-digit year, whole column",
            )


@dataclass(slots=True)
class _Written:
    """Running counts of what was written."""

    batches: list[ParsedBatch]
    rejects: Counter[str]
    orders_rejected: int = 0

    def result(self, records: int, findings: tuple[Finding, ...]) -> ParsedFile:
        lost = self.rejects.pop(RejectCode.ORDER_REJECTED.value, 0)
        rejected = self.rejects.total()
        accepted = sum(batch.lines for batch in self.batches)
        if records != accepted + rejected + lost:
            raise RecordsLostError(
                f"{records} records, but {accepted} accepted, {rejected} rejected and {lost} lost"
            )
        return ParsedFile(
            records=records,
            rejected_lines=rejected,
            lines_of_rejected_orders=lost,
            orders_rejected=self.orders_rejected,
            rejects_by_code=dict(sorted(self.rejects.items())),
            batches=tuple(self.batches),
            detected=findings,
        )


def _write_parts(
    spill: Spill, identified: Identified, decisions: Decisions, rules: ParseRules, target: Path
) -> _Written:
    written = _Written([], Counter())
    headers = _headers(identified)
    for part in range(spill.count):
        raw = spill.part(part)
        if raw is None:
            continue
        typed = convert_lines(raw, identified.profile, decisions, rules)
        _write(settle_lines(typed, headers), part + 1, written, target)
    return written


def _write(settled: SettledLines, part: int, written: _Written, target: Path) -> None:
    if settled.orders.height:
        number = len(written.batches) + 1
        settled.orders.write_parquet(target / f"batch-{number:04}.orders.parquet", compression="lz4")
        settled.lines.write_parquet(target / f"batch-{number:04}.lines.parquet", compression="lz4")
        written.batches.append(ParsedBatch(number, settled.orders.height, settled.lines.height))
    if settled.rejects.height:
        settled.rejects.write_parquet(target / f"rejects-{part:04}.parquet", compression="lz4")
        for code, count in settled.rejects["code"].value_counts().iter_rows():
            written.rejects[code] += count
        written.orders_rejected += settled.rejects["order_number"].drop_nulls().n_unique()


def _check_rejects(source: Source, parsed: ParsedFile, rules: ParseRules) -> None:
    if rules.max_rejects is None:
        return
    text = rules.max_rejects.strip()
    share = text.endswith("%")
    limit = float(text.rstrip("% ")) * parsed.records / 100 if share else float(text)
    if parsed.rejected_lines > limit:
        raise FileRefused(
            "too_many_rejects",
            f"{source.name} has {parsed.rejected_lines} bad lines among {parsed.records}; {text} are allowed.",
            "Look at the rejects, correct the file, or allow more.",
        )


def _columns(identified: Identified) -> dict[str, int]:
    return {field.value: at for field, at in identified.profile.locate(identified.header).items()}


def _skip_columns(identified: Identified) -> Iterator[tuple[str, tuple[str, ...]]]:
    for number, values in enumerate(identified.profile.skip.values()):
        yield f"skip_{number}", values


def _headers(identified: Identified) -> dict[str, str]:
    return {name: identified.header[at] for name, at in _columns(identified).items()}


def _layout(identified: Identified) -> Layout:
    columns = _columns(identified)
    for number, name in enumerate(identified.profile.skip):
        if name in identified.header:
            columns[f"skip_{number}"] = identified.header.index(name)
    needed = [columns[name] for name in ("order_number", "quantity", "ordered_at") if name in columns]

    def looks_like_record(fields: list[str]) -> bool:
        order, *numeric = (fields[at].strip() for at in needed)
        return bool(order) and all(value[:1].isdigit() or value[1:2].isdigit() for value in numeric)

    return Layout(len(identified.header), columns, identified.skip_records, looks_like_record)
