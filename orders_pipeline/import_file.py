"""The import of one order file, step by step, on the stores and settings that it was given.

This page is the pipeline: Dagster's ops call one method each, tests call them in a loop.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from orders_pipeline.clock import today
from orders_pipeline.importing.errors import FileRefused
from orders_pipeline.importing.identify import Identified, identify
from orders_pipeline.importing.jsonable import from_json, to_json
from orders_pipeline.importing.options import ParseRules, ReadOptions
from orders_pipeline.importing.parse import parse_order_file
from orders_pipeline.importing.parsed import ParsedFile
from orders_pipeline.payments.gateway import PaymentGateway
from orders_pipeline.settings import Settings, UnknownSku
from orders_pipeline.staging import Staging
from orders_pipeline.store import imports as store
from orders_pipeline.store.engine import reading
from orders_pipeline.store.import_report import ImportReport, report_import
from orders_pipeline.store.imports import Import
from orders_pipeline.workflow.batch import Batch, BatchKey
from orders_pipeline.workflow.catalog import UnknownProducts
from orders_pipeline.workflow.charge import Answers, charge_payments
from orders_pipeline.workflow.finalize import finalize_orders
from orders_pipeline.workflow.load import load_orders
from orders_pipeline.workflow.reserve import reserve_stock
from orders_pipeline.workflow.roll_back import roll_back_orders
from orders_pipeline.workflow.tries import counted_try

MICROSECONDS_A_MINUTE = 60_000_000


def stage_file(
    engine: Engine,
    staging: Staging,
    file: Path,
    profile: str | None,
    source: str | None,
    options: ReadOptions,
) -> Import:
    """Identifies a file, copies it into the staging area and notes it in the store.

    Raises:
        FileRefused: the file is missing, unreadable or of no known shape.
    """
    identified = identify(file, profile, options)
    staged = staging.add(file, said_of(profile, source, options))
    with engine.begin() as connection:
        return store.add_import(
            connection,
            staged,
            profile=identified.profile.name,
            source=source or identified.profile.name,
            identified=to_json(identified),
        )


def said_of(profile: str | None, source: str | None, options: ReadOptions) -> str:
    """What the user said about how to read a file, as part of its identity; empty where nothing was said."""
    if profile is None and source is None and options == ReadOptions():
        return ""
    return repr((profile, source, options))


def parse_rules(settings: Settings) -> ParseRules:
    """What the orders of a file are held to, from the settings."""
    return ParseRules(
        currency=settings.currency,
        timezone=settings.timezone,
        first_day=settings.first_day,
        last_day=today(settings.zone),
        batch_lines=settings.batch_lines,
    )


@dataclass(frozen=True, slots=True)
class FileImport:
    """The steps of an import, each of which may be repeated at any time."""

    engine: Engine
    staging: Staging
    settings: Settings

    def parse(self, key: str, run_id: str) -> list[int]:
        """Parses the file, unless that was done; the numbers of its batches.

        Raises:
            UnknownPartitionError: no file was staged under this key.
            FileRefused: the file cannot be imported; none of its orders entered.
        """
        with self.engine.begin() as connection:
            found = store.get_import(connection, key)
            store.start_import(connection, found.id, run_id)
            numbers = store.batch_numbers(connection, found.id)
        return numbers if store.is_parsed(found) else self._parse(found)

    def _parse(self, found: Import) -> list[int]:
        # Another try may be at work on the same file; each parses for itself, and the first to end is kept.
        with self.staging.parsing(found.key) as folder:
            parsed = self._read(found, folder)
            rejects = sorted(folder.glob("rejects-*.parquet"))
            with self.engine.begin() as connection:
                if store.register_parsed(connection, found.id, parsed, rejects):
                    self.staging.keep_batches(found.key, folder)
                return store.batch_numbers(connection, found.id)

    def _read(self, found: Import, folder: Path) -> ParsedFile:
        identified, rules = from_json(Identified, found.identified), parse_rules(self.settings)
        try:
            return parse_order_file(self.staging.original(found.key), identified, rules, folder)
        except FileRefused as refused:
            with self.engine.begin() as connection:
                store.refuse_import(connection, found.id, f"{refused.message} {refused.hint}")
            raise

    def load(self, key: str, number: int) -> Batch:
        """Enters a batch's orders as pending."""
        create = self.settings.unknown_sku is UnknownSku.CREATE
        unknown = UnknownProducts(create, self.settings.unknown_sku_stock)
        size = self.settings.transaction_orders
        with self._try(key, number) as batch:
            return load_orders(self.engine, batch, self.staging.batches(key), size, unknown)

    def reserve(self, key: str, number: int) -> Batch:
        """Reserves the stock of its pending orders, or fails those that come too late."""
        hold_us = self.settings.reservation_minutes * MICROSECONDS_A_MINUTE
        with self._try(key, number) as batch:
            return reserve_stock(self.engine, batch, self.settings.transaction_orders, hold_us)

    def charge(self, key: str, number: int, gateway: PaymentGateway) -> Answers:
        """Charges its reserved orders and saves the answers."""
        size = self.settings.transaction_orders
        with self._try(key, number) as batch:
            return charge_payments(self.engine, gateway, batch, size)

    def finalize(self, key: str, number: int) -> Batch:
        """Completes the orders whose payment succeeded."""
        with self._try(key, number) as batch:
            return finalize_orders(self.engine, batch, self.settings.transaction_orders)

    def roll_back(self, key: str, number: int) -> Batch:
        """Undoes the reservation of the orders whose payment was declined."""
        with self._try(key, number) as batch:
            return roll_back_orders(self.engine, batch, self.settings.transaction_orders)

    def finish(self, key: str) -> ImportReport:
        """Notes that the file is done; its figures.

        Raises:
            OpenOrdersError: the store shows orders of the file that are not settled.
        """
        with self.engine.begin() as connection:
            store.finish_import(connection, store.get_import(connection, key).id)
        self.staging.clear_tries(key)
        with reading(self.engine) as connection:
            found = store.get_import(connection, key)
            return report_import(connection, found, store.seconds_to_settle(found))

    @contextmanager
    def _try(self, key: str, number: int) -> Iterator[BatchKey]:
        with reading(self.engine) as connection:
            batch = BatchKey(store.get_import(connection, key).id, number)
        with counted_try(self.engine, batch):
            yield batch
