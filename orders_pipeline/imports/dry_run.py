"""A dry run: reads and checks a whole file, reports what its import would do, and changes nothing."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
from sqlalchemy import Connection, Engine, select

from orders_pipeline.base.model import ImportStatus
from orders_pipeline.base.money import decimal_string
from orders_pipeline.base.settings import Settings
from orders_pipeline.imports.batch_rows import BatchRows, read_batch
from orders_pipeline.imports.file_import import parse_rules
from orders_pipeline.imports.import_row import find_import
from orders_pipeline.imports.known_orders import Known, classify_all
from orders_pipeline.imports.recognition import Intake, take_in
from orders_pipeline.imports.report import ImportReport, report_again
from orders_pipeline.order_files.orders.parse import parse_order_file
from orders_pipeline.order_files.parsed_file import ParsedFile
from orders_pipeline.order_files.read_options import ReadOptions
from orders_pipeline.order_files.rejects.limit import RejectLimit
from orders_pipeline.staging.staging import open_staging
from orders_pipeline.stock.catalog import product_ids
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import sources


def dry_run(
    engine: Engine,
    settings: Settings,
    file: Path,
    profile: str | None,
    source: str | None,
    options: ReadOptions,
    max_rejects: str | None = None,
) -> ImportReport:
    """Reports what the import of a file would do if every payment succeeded and stock were unlimited.

    Raises:
        FileRefused: the file would be refused.
    """
    limit = RejectLimit.parse(max_rejects) if max_rejects else None
    with (
        reading(engine) as connection,
        TemporaryDirectory(prefix="orders-dry-run-") as folder,
        take_in(connection, open_staging(settings), file, profile, source, options) as intake,
    ):
        key = intake.key()
        known = find_import(connection, key)
        if known and known.status is ImportStatus.FINISHED:
            return replace(report_again(connection, known), statuses={})
        parsed = parse_order_file(file, intake.identified, parse_rules(settings), Path(folder))
        if limit:
            limit.check(file.name, parsed)
        source_id = connection.execute(select(sources.c.id).where(sources.c.name == intake.source)).scalar()
        figures = _Figures(parsed)
        for batch in parsed.batches:
            rows = read_batch(Path(folder), batch.number)
            figures.add(rows, _classify(connection, source_id, rows))
    return figures.report(intake, key)


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

    def report(self, intake: Intake, key: str) -> ImportReport:
        conflicts = {"order_conflict": self.orders["conflict"]} if self.orders["conflict"] else {}
        return ImportReport(
            partition=key,
            file=intake.file.name,
            profile=intake.identified.profile.name,
            records=self.parsed.records,
            accepted_lines=self.lines["accepted"],
            rejected_lines=self.parsed.rejected_lines,
            lines_of_rejected_orders=self.parsed.lines_of_rejected_orders + self.lines["conflict"],
            duplicate_lines=self.lines["duplicate"],
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
        )
