"""The import of one order file, step by step, on given stores and with given settings.

This module is the pipeline: Dagster's ops call one method each, and tests call them in a loop.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field

from sqlalchemy import Engine

from orders_pipeline.base.clock import today
from orders_pipeline.base.model import Notifications
from orders_pipeline.base.settings import PaymentCapture, Settings, UnknownSku
from orders_pipeline.figures.leaderboards.leaderboards import Leaderboards
from orders_pipeline.imports.arrival.intake import IntakePausedError, current_pause
from orders_pipeline.imports.import_row import (
    Import,
    get_import,
    import_id,
    is_new,
    is_parsed,
    seconds_to_settle,
)
from orders_pipeline.imports.loading.load import load_orders
from orders_pipeline.imports.money_back.booked_refunds import refunding_actor, tells_refunds
from orders_pipeline.imports.money_back.booked_returns import book_order_returns
from orders_pipeline.imports.money_back.reported_refunds import book_reported_refunds
from orders_pipeline.imports.parsing.launch_instructions import follow_instructions
from orders_pipeline.imports.parsing.parsing import keep_parsed, noting_refusals, parse_staged, parsing_input
from orders_pipeline.imports.parsing.restoring import restore_batches
from orders_pipeline.imports.results.report import ImportReport, report_import
from orders_pipeline.imports.state.status import finish_import, start_import, turn_away
from orders_pipeline.imports.state.traced_steps import trace_import
from orders_pipeline.imports.state.tries import counted_parsing, counted_try
from orders_pipeline.lifecycle.batch import Batch, BatchKey, get_batch
from orders_pipeline.lifecycle.charge import Answers, charge_payments, open_charges
from orders_pipeline.lifecycle.steps import finalize_orders, reserve_stock, roll_back_orders
from orders_pipeline.notifications.types import keep_notification_types
from orders_pipeline.order_files.read_options import ParseRules
from orders_pipeline.order_files.reading_instructions import NOTHING_SAID, ReadingInstructions
from orders_pipeline.payments.gateway import Charge, PaymentGateway
from orders_pipeline.refunds.outcomes.publishing import publish_refunds_of
from orders_pipeline.refunds.requests.terms import RefundTerms
from orders_pipeline.staging.staging import Staging
from orders_pipeline.stock.catalog import UnknownProducts
from orders_pipeline.store.conventions import keep_conventions
from orders_pipeline.store.engine import reading

MICROSECONDS_A_MINUTE = 60_000_000


def parse_rules(settings: Settings) -> ParseRules:
    """Returns the rules for the orders of a file, from the settings."""
    return ParseRules(
        currency=settings.currency,
        timezone=settings.timezone,
        first_day=settings.first_day,
        last_day=today(settings.zone),
        batch_lines=settings.batch_lines,
        workers=settings.order_workers_max or settings.processes,
        contacts=settings.notifications is not Notifications.OFF,
    )


@dataclass(frozen=True, slots=True)
class FileImport:
    """The steps of an import, each of which may be repeated at any time.

    Args:
        counts_tries: whether to count the tries at parsing and at batches, which may kill the worker.
    """

    engine: Engine
    staging: Staging
    settings: Settings
    counts_tries: bool = True
    _ids: dict[str, int] = field(default_factory=dict, init=False, repr=False, compare=False)

    def parse(self, key: str, run_id: str, instructions: ReadingInstructions = NOTHING_SAID) -> list[int]:
        """Parses the file, unless it is already parsed; returns the numbers of its batches.

        Args:
            instructions: how to read it; they override those given at staging.

        Raises:
            UnknownPartitionError: no file was staged under this key.
            FileRefused: the file cannot be imported; none of its orders is in the store.
            AlreadyParsedError: it was already parsed with other instructions.
            BatchesLost: its batches are lost and cannot be created again.
            IntakePausedError: the file is new, and the intake is paused.
            SettingsError: time zone or currency are not those of the store's orders.
        """
        found = self._begin(key, run_id)
        with noting_refusals(self.engine, found), self._counted(counted_parsing(self.engine, found)):
            found = follow_instructions(self.engine, self.staging, found, instructions)
            if is_parsed(found):
                return restore_batches(self.engine, self.staging, found)
            keep_conventions(self.engine, self.settings)
            keep_notification_types(self.engine, self.settings.notice_events)
            with parsing_input(self.staging, found) as given:
                parsed = parse_staged(given, parse_rules(self.settings))
                return keep_parsed(self.engine, self.staging, found, parsed, given.folder, self._unknown)

    def _begin(self, key: str, run_id: str) -> Import:
        with self.engine.begin() as connection:
            found = get_import(connection, key)
            pause = current_pause(connection) if is_new(found) else None
            if pause:
                turn_away(connection, found.id, run_id)
            else:
                start_import(connection, found.id, run_id)
        if pause:
            raise IntakePausedError(found.file_name, pause)
        return found

    def load(self, key: str, number: int) -> Batch:
        """Loads a batch's orders as pending."""
        size = self.settings.transaction_orders
        with self._try(key, number) as batch:
            found = get_batch(self.engine, batch)
            if found.loaded == found.orders:
                return found
            with self.staging.batch(key, number) as folder:
                return load_orders(self.engine, batch, folder, size, self._unknown)

    def reserve(self, key: str, number: int) -> Batch:
        """Reserves stock for its pending orders; those for which too few units are left fail."""
        settings = self.settings
        hold_us = settings.reservation_minutes * MICROSECONDS_A_MINUTE
        with self._try(key, number) as batch:
            return reserve_stock(self.engine, batch, settings.transaction_orders, hold_us, settings.low_stock)

    def charge(self, key: str, number: int, gateway: PaymentGateway) -> Answers:
        """Charges its reserved orders and saves the answers."""
        size = self.settings.transaction_orders
        with self._try(key, number) as batch:
            return charge_payments(self.engine, gateway, batch, size, capture=self._captures_at_charge)

    def request_payments(self, key: str, number: int) -> list[Charge]:
        """Stores the intent to charge its reserved orders; returns the charges that have no outcome yet."""
        with self._try(key, number) as batch:
            size = self.settings.transaction_orders
            return open_charges(self.engine, batch, size, capture=self._captures_at_charge)

    def finalize(self, key: str, number: int) -> Batch:
        """Completes the orders whose payment succeeded."""
        with self._try(key, number) as batch:
            return finalize_orders(self.engine, batch, self.settings.transaction_orders)

    def roll_back(self, key: str, number: int) -> Batch:
        """Undoes the reservation of the orders whose payment was declined."""
        with self._try(key, number) as batch:
            return roll_back_orders(self.engine, batch, self.settings.transaction_orders)

    def finish(self, key: str, boards: Leaderboards | None = None) -> ImportReport:
        """Books the refunds that the file reports, and marks the import as finished; returns its report.

        A file reports refunds in columns of its orders, or as returns that name an order.

        Args:
            boards: the leaderboards to update with the returns and refunds of the file.

        Raises:
            OpenOrdersError: orders of the file are not settled.
        """
        with reading(self.engine) as connection:
            found = get_import(connection, key)
        if boards and found.returns:
            boards.publish_returns(found.id)
        terms, actor = RefundTerms.of(self.settings), refunding_actor(found)
        book_reported_refunds(self.engine, self.staging, found, terms, actor)
        book_order_returns(self.engine, found, terms, actor)
        with self.engine.begin() as connection:
            finish_import(connection, found.id)
        self.staging.clear_tries(key)
        with reading(self.engine) as connection:
            found = get_import(connection, key)
            report = report_import(connection, found, seconds_to_settle(found))
        trace_import(self.engine, found, report.orders["accepted"])
        if boards and (found.returns or tells_refunds(found)):
            publish_refunds_of(self.engine, boards, actor)
        return report

    @property
    def _captures_at_charge(self) -> bool:
        return self.settings.payment_capture is PaymentCapture.AT_CHARGE

    @property
    def _unknown(self) -> UnknownProducts:
        create = self.settings.unknown_sku is UnknownSku.CREATE
        return UnknownProducts(create, self.settings.unknown_sku_stock)

    @contextmanager
    def _try(self, key: str, number: int) -> Iterator[BatchKey]:
        batch = BatchKey(self._id_of(key), number)
        with self._counted(counted_try(self.engine, batch)):
            yield batch

    def _id_of(self, key: str) -> int:
        if key not in self._ids:
            with reading(self.engine) as connection:
                self._ids[key] = import_id(connection, key)
        return self._ids[key]

    def _counted(self, tried: AbstractContextManager[None]) -> AbstractContextManager[None]:
        return tried if self.counts_tries else nullcontext()
