"""Books the refunds of orders that their file reports: the shop made the refund, so no gateway is asked."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import polars as pl
from sqlalchemy import Connection, Engine, select, update

from orders_pipeline.base.amounts.currency import minor_digits
from orders_pipeline.base.model import OrderStatus, Window
from orders_pipeline.imports.documents import parsed_document, parsed_of
from orders_pipeline.imports.import_row import Import, get_import
from orders_pipeline.imports.loading.known_orders import Known
from orders_pipeline.imports.money_back.booked_refunds import KEY, tells_refunds
from orders_pipeline.imports.state.status import lock_import
from orders_pipeline.order_files.parsed_file import FileWarning
from orders_pipeline.refunds.requests.asked import RefundAsked, RefundRefused
from orders_pipeline.refunds.requests.decide import BOOKED_BEFORE, BOOKED_MORE
from orders_pipeline.refunds.requests.request import Planned, preview_refunds, request_refunds
from orders_pipeline.refunds.requests.terms import RefundTerms
from orders_pipeline.staging.staging import Staging
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import batches, duplicate_orders, imports, orders

LESS_REFUNDED = "less_refunded"
log = logging.getLogger(__name__)


def book_reported_refunds(
    engine: Engine, staging: Staging, found: Import, terms: RefundTerms, actor: str
) -> None:
    """Books the refunds of the completed orders of a file; each only once, however often it is called.

    If the order came with an earlier file, only the part that is not booked yet is booked.
    """
    if not tells_refunds(found):
        return
    with reading(engine) as connection:
        ranges, known = _ranges(connection, found), _known(connection, found)
    booked_more = 0
    for number, window in ranges.items():
        with staging.batch(found.key, number) as folder:
            reported = _reported(folder, number, window)
        with reading(engine) as connection:
            new = pl.col("id").is_in(_completed(connection, window))
        reported = reported.with_columns(new=new).filter(pl.col("new") | pl.col("number").is_in(known))
        answers = request_refunds(engine, list(_asked(reported, found.source)), terms, actor)
        booked_more += _booked_more(answers)
        for answer in answers:
            if isinstance(answer, RefundRefused) and answer.code not in (BOOKED_BEFORE, BOOKED_MORE):
                log.warning("a refund of %s is not booked: %s", found.file_name, answer)
    if booked_more:
        _warn(engine, found, booked_more)


def foresee_refunds(
    engine: Engine, parsed: pl.DataFrame, known: Known, source: str
) -> tuple[Counter[str], int]:
    """Returns the refunds that the import of parsed orders would book, if all new orders were completed.

    Returns:
        The sums in minor units by currency, and the number of orders with more booked than the file says.
    """
    reported = parsed.filter(pl.col("refunded") > 0)
    fresh = reported.filter(pl.col("position").is_in(known.newcomers.implode()))
    sums = Counter[str](dict(fresh.group_by("currency").agg(pl.col("refunded").sum()).iter_rows()))
    old = reported.filter(pl.col("position").is_in(known.duplicates.implode())).with_columns(new=False)
    answers = preview_refunds(engine, list(_asked(old, source)))
    for answer in answers:
        if isinstance(answer, Planned):
            sums[answer.left.order.currency] += answer.decided.amount
    return sums, _booked_more(answers)


def _booked_more(answers: Iterable[object]) -> int:
    return sum(isinstance(one, RefundRefused) and one.code == BOOKED_MORE for one in answers)


def less_refunded(orders_: int) -> FileWarning:
    """The warning that a file reports less than is booked."""
    message = "more is booked as refunded than the file says, so nothing is booked for these orders"
    return FileWarning(LESS_REFUNDED, message, orders_)


def _warn(engine: Engine, found: Import, orders_: int) -> None:
    """Adds a warning to the import's report: its file reports less than is booked."""
    with engine.begin() as connection:
        lock_import(connection, found.id)
        parsed = parsed_of(get_import(connection, found.key))
        if parsed is None:
            return
        others = (one for one in parsed.file.warnings if one.code != LESS_REFUNDED)
        warnings = (*others, less_refunded(orders_))
        document = parsed_document(replace(parsed, file=replace(parsed.file, warnings=warnings)))
        connection.execute(update(imports).where(imports.c.id == found.id).values(parsed=document))


def _known(connection: Connection, found: Import) -> list[str]:
    """The numbers of orders of the file that came with an earlier one, with the same content."""
    known = duplicate_orders.c
    return list(connection.scalars(select(known.number).where(known.import_id == found.id, known.total >= 0)))


def _ranges(connection: Connection, found: Import) -> dict[int, Window]:
    b = batches.c
    query = select(b.number, b.first_order_id, b.orders).where(b.import_id == found.id).order_by(b.number)
    return {number: Window(first, first + size - 1) for number, first, size in connection.execute(query)}


def _reported(folder: Path, number: int, window: Window) -> pl.DataFrame:
    parsed = pl.scan_parquet(folder / f"batch-{number:04}.orders.parquet").filter(pl.col("refunded") > 0)
    order_id = (pl.col("position") + window.first).alias("id")
    return parsed.select(order_id, "number", "currency", "refunded").collect()


def _completed(connection: Connection, window: Window) -> list[int]:
    """Orders of the file that the store did not have before, and that were completed."""
    inside = orders.c.id.between(window.first, window.last)
    query = select(orders.c.id).where(inside, orders.c.status == OrderStatus.COMPLETED)
    return list(connection.scalars(query))


def _asked(reported: pl.DataFrame, source: str) -> Iterator[RefundAsked]:
    rows = reported.select("number", "currency", "refunded", "new")
    for number, currency, refunded, new in rows.iter_rows():
        key = f"{KEY}{source}/{number}"
        yield RefundAsked(
            order=number,
            source=source,
            so_far=Decimal(refunded).scaleb(-minor_digits(currency)),
            recorded=True,
            on_order_day=True,
            key=key if new else f"{key}/{refunded}",
        )
