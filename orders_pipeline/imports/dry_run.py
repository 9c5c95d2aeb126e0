"""A dry run: reads and checks a whole file, reports what its import would do, and changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
from sqlalchemy import Connection, Engine, select

from orders_pipeline.base.amounts.money import decimal_string
from orders_pipeline.base.model import ImportStatus
from orders_pipeline.imports.arrival.import_keys import key_for
from orders_pipeline.imports.arrival.reading_plan import ReadingPlan, planned
from orders_pipeline.imports.arrival.saved_profiles import with_saved_profile
from orders_pipeline.imports.arrival.sources import find_source
from orders_pipeline.imports.import_row import find_import
from orders_pipeline.imports.loading.batch_rows import BatchRows, read_batch, read_returns
from orders_pipeline.imports.loading.known_orders import (
    STORED_ORDERS,
    STORED_RETURNS,
    Known,
    Stored,
    classify_all,
)
from orders_pipeline.imports.money_back.order_returns import (
    classify_named,
    counted_alone,
    counted_of_orders,
    naming_orders,
    preview_order_returns,
    standing_alone,
)
from orders_pipeline.imports.money_back.reported_refunds import foresee_refunds, less_refunded
from orders_pipeline.imports.results.report import ImportReport, report_again, shown_amounts
from orders_pipeline.order_files.orders.parse import parse_order_file
from orders_pipeline.order_files.parsed_file import FileWarning, ParsedFile
from orders_pipeline.order_files.read_options import ParseRules
from orders_pipeline.order_files.reading_instructions import NOTHING_SAID, ReadingInstructions
from orders_pipeline.order_files.reject_codes import RejectCode
from orders_pipeline.order_files.rejects.limit import RejectLimit
from orders_pipeline.staging.keys import FileIdentity
from orders_pipeline.staging.staging import Staging, hash_file
from orders_pipeline.stock.catalog import product_ids
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import products


def dry_run(
    engine: Engine,
    staging: Staging,
    rules: ParseRules,
    file: Path,
    instructions: ReadingInstructions = NOTHING_SAID,
    *,
    lists_unknown: bool = True,
) -> ImportReport:
    """Reports what the import of a file would do if every payment succeeded and stock were unlimited.

    Args:
        lists_unknown: whether the import would list products that the store does not know. Returns of
            unlisted products are rejected.

    Raises:
        FileRefused: the file would be refused.
    """
    with (
        reading(engine) as connection,
        TemporaryDirectory(prefix="orders-dry-run-") as folder,
        planned(connection, staging, file, instructions) as plan,
    ):
        instructions = with_saved_profile(connection, instructions)
        key = key_for(connection, file.name, _identity(file, plan, instructions), instructions)
        known = find_import(connection, key)
        if known and known.status is ImportStatus.FINISHED:
            return replace(report_again(connection, known), statuses={})
        parsed = parse_order_file(file, plan.identified, rules, Path(folder))
        limit = RejectLimit.parse(plan.max_rejects) if plan.max_rejects else None
        if limit and limit.is_exceeded(parsed):
            raise limit.refusal(file.name, parsed)
        figures = _Figures(parsed)
        source = find_source(connection, plan.source)
        for batch in parsed.batches:
            rows = read_batch(Path(folder), batch.number)
            known_orders = _classify(connection, source, rows, STORED_ORDERS)
            figures.add(rows, known_orders)
            if parsed.refunded_orders:
                figures.add_refunds(*foresee_refunds(engine, rows.orders, known_orders, plan.source))
        for rows in filter(None, map(naming_orders, read_returns(Path(folder)))):
            _add_order_returns(figures, engine, connection, plan.source, rows)
        for rows in map(standing_alone, read_returns(Path(folder))):
            _add_returns_alone(figures, connection, source, rows, lists_unknown=lists_unknown)
    return figures.report(file.name, plan.profile, key)


def _identity(file: Path, plan: ReadingPlan, instructions: ReadingInstructions) -> FileIdentity:
    companion = hash_file(plan.companion) if plan.companion else ""
    return FileIdentity(hash_file(file), companion, instructions.words)


def _add_order_returns(
    figures: _Figures, engine: Engine, connection: Connection, source: str, rows: BatchRows
) -> None:
    """Adds returns that name an order. The new orders of the file are assumed to be completed."""
    source_id = find_source(connection, source)
    known = Known.none_of(rows.orders)
    if source_id is not None:
        counted = counted_alone(connection, source_id, rows)
        figures.refuse_returns(rows.of(counted), RejectCode.RETURN_COUNTED_BEFORE)
        rows = rows.without(counted)
        known = classify_named(connection, source_id, rows)
    new = rows.of(known.newcomers)
    of_file = new.orders["order_number"].is_in(figures.newcomers)
    asked = new.of(new.orders.filter(~of_file)["position"])
    refused: list[int] = []
    for code, numbers in preview_order_returns(engine, source, asked).items():
        positions = asked.orders.filter(pl.col("number").is_in(numbers))["position"]
        figures.refuse_returns(rows.of(positions), code)
        refused += positions.to_list()
    newcomers = known.newcomers.filter(~known.newcomers.is_in(refused))
    figures.add_returns(rows, replace(known, newcomers=newcomers))


def _add_returns_alone(
    figures: _Figures, connection: Connection, source: int | None, rows: BatchRows, *, lists_unknown: bool
) -> None:
    """Adds returns that name no order."""
    unlisted = _of_unlisted(connection, rows, lists_unknown=lists_unknown)
    figures.refuse_returns(rows.of(unlisted), RejectCode.RETURN_OF_UNKNOWN_PRODUCT)
    rest = rows.without(unlisted)
    if source is not None:
        counted = counted_of_orders(connection, source, rest)
        figures.refuse_returns(rest.of(counted), RejectCode.RETURN_COUNTED_BEFORE)
        rest = rest.without(counted)
    figures.add_returns(rest, _classify(connection, source, rest, STORED_RETURNS))


def _of_unlisted(connection: Connection, rows: BatchRows, *, lists_unknown: bool) -> pl.Series:
    """The positions of returns with a product that would not be listed."""
    known = product_ids(connection, rows.lines["sku"].unique())
    lines = rows.lines.join(known, on="sku", how="left")
    unlisted = connection.scalars(select(products.c.id).where(~products.c.listed)).all()
    missing = pl.col("product_id").is_in(unlisted)
    if not lists_unknown:
        missing |= pl.col("product_id").is_null()
    return lines.filter(missing)["position"].unique()


def _classify(connection: Connection, source_id: int | None, rows: BatchRows, among: Stored) -> Known:
    if source_id is None:
        return Known.none_of(rows.orders)
    lines = rows.lines.join(product_ids(connection, rows.lines["sku"].unique()), on="sku", how="left")
    return classify_all(connection, source_id, BatchRows(rows.orders, lines), among)


class _Figures:
    """Adds up what each batch would add."""

    def __init__(self, parsed: ParsedFile) -> None:
        self.parsed = parsed
        self.orders: Counter[str] = Counter()
        self.returns: Counter[str] = Counter()
        self.lines: Counter[str] = Counter()
        self.revenue: dict[str, int] = {}
        self.rejects: Counter[str] = Counter()
        self.newcomers: set[str] = set()
        self.refunded: Counter[str] = Counter()
        self.less_refunded = 0

    def add(self, rows: BatchRows, known: Known) -> None:
        self._count(self.orders, rows, known)
        new = rows.of(known.newcomers).orders
        self.newcomers.update(new["number"])
        sums = new.group_by("currency").agg(pl.col("total").sum())
        for currency, total in sums.iter_rows():
            self.revenue[currency] = self.revenue.get(currency, 0) + total

    def add_returns(self, rows: BatchRows, known: Known) -> None:
        self._count(self.returns, rows, known)

    def add_refunds(self, sums: Counter[str], less: int) -> None:
        self.refunded += sums
        self.less_refunded += less

    def refuse_returns(self, rows: BatchRows, code: RejectCode) -> None:
        if number := rows.orders.height:
            self.rejects[code] += number
            self.lines["refused"] += rows.lines.height

    def _count(self, counts: Counter[str], rows: BatchRows, known: Known) -> None:
        groups = (
            ("accepted", known.newcomers),
            ("duplicate", known.duplicates),
            ("conflict", known.conflicts),
        )
        for name, positions in groups:
            counts[name] += positions.len()
            self.lines[name] += rows.of(positions).lines.height

    def report(self, file_name: str, profile: str, key: str) -> ImportReport:
        conflicting = self.orders["conflict"] + self.returns["conflict"]
        if conflicting:
            self.rejects[RejectCode.ORDER_CONFLICT] += conflicting
        rejects = {str(code): number for code, number in self.rejects.items()}
        lost = self.lines["conflict"] + self.lines["refused"]
        return ImportReport(
            partition=key,
            file=file_name,
            profile=profile,
            records=self.parsed.records,
            accepted_lines=self.lines["accepted"],
            rejected_lines=self.parsed.rejected_lines,
            lines_of_rejected_orders=self.parsed.lines_of_rejected_orders + lost,
            duplicate_lines=self.lines["duplicate"],
            left_out_lines=self.parsed.left_out_lines,
            repeated_lines=self.parsed.repeated_lines,
            returns=self.returns["accepted"],
            orders={
                "accepted": self.orders["accepted"],
                "rejected": self.parsed.orders_rejected + self.rejects.total(),
                "duplicate": self.orders["duplicate"] + self.returns["duplicate"],
            },
            statuses={},
            revenue=_money(self.revenue),
            refunded=_money(self.refunded),
            rejects_by_code=dict(sorted({**self.parsed.rejects_by_code, **rejects}.items())),
            detected=[asdict(finding) for finding in self.parsed.detected],
            warnings=[asdict(warning) for warning in self._warnings()],
            amounts=shown_amounts(self.parsed),
        )

    def _warnings(self) -> tuple[FileWarning, ...]:
        less = (less_refunded(self.less_refunded),) if self.less_refunded else ()
        return (*self.parsed.warnings, *less)


def _money(sums: Mapping[str, int]) -> dict[str, str]:
    return {currency: decimal_string(total, currency) for currency, total in sorted(sums.items())}
