"""A dry run: reads and checks a whole file, reports what its import would do, and changes nothing."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
from sqlalchemy import Connection, Engine

from orders_pipeline.base.model import ImportStatus
from orders_pipeline.base.money import decimal_string
from orders_pipeline.imports.batch_rows import BatchRows, read_batch
from orders_pipeline.imports.import_keys import key_for
from orders_pipeline.imports.import_row import find_import
from orders_pipeline.imports.known_orders import Known, classify_all
from orders_pipeline.imports.reading_plan import ReadingPlan, planned
from orders_pipeline.imports.report import ImportReport, report_again, shown_amounts
from orders_pipeline.imports.sources import find_source
from orders_pipeline.order_files.orders.parse import parse_order_file
from orders_pipeline.order_files.parsed_file import ParsedFile
from orders_pipeline.order_files.read_options import ParseRules
from orders_pipeline.order_files.reading_instructions import NOTHING_SAID, ReadingInstructions
from orders_pipeline.order_files.reject_codes import RejectCode
from orders_pipeline.order_files.rejects.limit import RejectLimit
from orders_pipeline.staging.keys import FileIdentity
from orders_pipeline.staging.staging import Staging, hash_file
from orders_pipeline.stock.catalog import product_ids
from orders_pipeline.store.engine import reading


def dry_run(
    engine: Engine,
    staging: Staging,
    rules: ParseRules,
    file: Path,
    instructions: ReadingInstructions = NOTHING_SAID,
) -> ImportReport:
    """Reports what the import of a file would do if every payment succeeded and stock were unlimited.

    Raises:
        FileRefused: the file would be refused.
    """
    with (
        reading(engine) as connection,
        TemporaryDirectory(prefix="orders-dry-run-") as folder,
        planned(connection, staging, file, instructions) as plan,
    ):
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
            figures.add(rows, _classify(connection, source, rows))
    return figures.report(file.name, plan.profile, key)


def _identity(file: Path, plan: ReadingPlan, instructions: ReadingInstructions) -> FileIdentity:
    companion = hash_file(plan.companion) if plan.companion else ""
    return FileIdentity(hash_file(file), companion, instructions.words)


def _classify(connection: Connection, source_id: int | None, rows: BatchRows) -> Known:
    if source_id is None:
        return Known.none_of(rows.orders)
    lines = rows.lines.join(product_ids(connection, rows.lines["sku"].unique()), on="sku", how="left")
    return classify_all(connection, source_id, BatchRows(rows.orders, lines))


class _Figures:
    """Adds up what each batch would bring."""

    def __init__(self, parsed: ParsedFile) -> None:
        self.parsed = parsed
        self.orders = dict.fromkeys(("accepted", "duplicate", "conflict"), 0)
        self.lines = dict.fromkeys(("accepted", "duplicate", "conflict"), 0)
        self.revenue: dict[str, int] = {}

    def add(self, rows: BatchRows, known: Known) -> None:
        groups = (
            ("accepted", known.newcomers),
            ("duplicate", known.duplicates),
            ("conflict", known.conflicts),
        )
        for name, positions in groups:
            self.orders[name] += positions.len()
            self.lines[name] += rows.of(positions).lines.height
        sums = rows.of(known.newcomers).orders.group_by("currency").agg(pl.col("total").sum())
        for currency, total in sums.iter_rows():
            self.revenue[currency] = self.revenue.get(currency, 0) + total

    def report(self, file_name: str, profile: str, key: str) -> ImportReport:
        conflicting = self.orders["conflict"]
        conflicts = {RejectCode.ORDER_CONFLICT.value: conflicting} if conflicting else {}
        return ImportReport(
            partition=key,
            file=file_name,
            profile=profile,
            records=self.parsed.records,
            accepted_lines=self.lines["accepted"],
            rejected_lines=self.parsed.rejected_lines,
            lines_of_rejected_orders=self.parsed.lines_of_rejected_orders + self.lines["conflict"],
            duplicate_lines=self.lines["duplicate"],
            left_out_lines=self.parsed.left_out_lines,
            repeated_lines=self.parsed.repeated_lines,
            orders={
                "accepted": self.orders["accepted"],
                "rejected": self.parsed.orders_rejected + self.orders["conflict"],
                "duplicate": self.orders["duplicate"],
            },
            statuses={},
            revenue={
                currency: decimal_string(total, currency) for currency, total in sorted(self.revenue.items())
            },
            rejects_by_code=dict(sorted({**self.parsed.rejects_by_code, **conflicts}.items())),
            detected=[asdict(finding) for finding in self.parsed.detected],
            warnings=[asdict(warning) for warning in self.parsed.warnings],
            amounts=shown_amounts(self.parsed),
        )
