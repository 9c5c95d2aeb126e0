"""Checks published figures against the orders. The order store's database recomputes them independently."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, cast

from sqlalchemy import Connection, Select, case, func, select

from orders_pipeline.base.currency import minor_digits
from orders_pipeline.base.model import AmountKind, OrderStatus
from orders_pipeline.base.money import LINE_DIGITS
from orders_pipeline.figures.kpis.kpi_documents import Document, money_number
from orders_pipeline.figures.kpis.published_parts import PartsLost, damaged_months, read_listing
from orders_pipeline.figures.leaderboards import totals
from orders_pipeline.figures.leaderboards.boards import Board
from orders_pipeline.figures.published_figures import PublishedFigures
from orders_pipeline.services.redis_clients import AWAY
from orders_pipeline.store import kpi_days
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import order_amounts, order_lines, orders, recorded_payments
from orders_pipeline.verify.check import Check, check_none

COMPLETED = orders.c.status == OrderStatus.COMPLETED
PLACES_AT_ONCE = 5_000
Row = dict[str, Any]
Rows = dict[tuple[date, str], Row]


def check_figures(figures: PublishedFigures) -> list[Check]:
    """Compares KPIs and leaderboards with the order store. Days due for a refresh are left out."""
    return [
        check_published_files(figures),
        check_published_kpis(figures),
        check_cached_kpis(figures),
        check_leaderboards(figures),
    ]


def check_published_files(figures: PublishedFigures) -> Check:
    """Compares each published file with the checksum of its publication."""
    return check_none("published_files_are_whole", _damaged_files(figures))


def check_published_kpis(figures: PublishedFigures) -> Check:
    """Compares published days with figures recomputed by the order store."""
    return check_none("daily_kpis_equal_a_recomputation", _wrong_days(figures))


def check_cached_kpis(figures: PublishedFigures) -> Check:
    """Compares the days in Redis with the published days."""
    return check_none("cached_kpis_are_the_published_ones", _stale_documents(figures))


def check_leaderboards(figures: PublishedFigures, boards: Iterable[Board] = Board) -> Check:
    """Compares the boards in Redis with the order store."""
    return check_none("leaderboards_equal_the_order_store", _wrong_boards(figures, boards))


def recomputed_days(connection: Connection) -> Rows:
    """The figures of each day and currency, recomputed by the order store."""
    found: Rows = {}
    for query in (_order_figures(), _line_figures(), _recorded(), _first_purchases()):
        for row in connection.execute(query).mappings():
            found.setdefault((row["day"], row["currency"]), {}).update(
                {name: int(value) for name, value in row.items() if name not in ("day", "currency")}
            )
    for day, currency, kind, amount in connection.execute(_amounts()):
        found[day, currency][kind] = int(amount)
    return found


def _damaged_files(figures: PublishedFigures) -> Iterator[Row]:
    with reading(figures.engine) as connection:
        if not kpi_days.clean_versions(connection):
            return
    listing = read_listing(figures.folder)
    if listing is None:
        raise PartsLost
    for month in sorted(damaged_months(figures.folder, listing, listing.months())):
        yield {"month": month, "remedy": "`orders kpis rebuild`"}


def _wrong_days(figures: PublishedFigures) -> Iterator[Row]:
    with reading(figures.engine) as connection:
        versions = kpi_days.clean_versions(connection)
        expected = recomputed_days(connection)
    shown = {
        (date.fromisoformat(document["date"]), document["currency"]): document
        for document in figures.kpis.all_days()
    }
    with reading(figures.engine) as connection:
        now = kpi_days.clean_versions(connection)
    # Days that are due, or became due meanwhile, cannot be compared yet.
    moving = {day for day in kpi_days.known_days(figures.engine) if versions.get(day, -1) != now.get(day)}
    first_moving = min(moving, default=date.max)
    for day, currency in sorted(expected.keys() | shown.keys()):
        if day not in moving:
            counted = expected.get((day, currency))
            if counted and day > first_moving:
                # A customer's first purchase may move to an earlier day that is still due.
                counted = {**counted, "new_customers": None}
            yield from _differences(day, currency, counted, shown.get((day, currency)))


def _differences(day: date, currency: str, expected: Row | None, shown: Document | None) -> Iterator[Row]:
    counted = {"revenue": 0, "recorded": 0, "units_sold": 0, "new_customers": 0, **(expected or {})}
    amounts = {name: counted.pop(name, 0) for name in ("gross_sales", "line_discounts", *AmountKind)}
    if expected is None or shown is None:
        yield {"day": day, "currency": currency, "orders": bool(expected), "published": bool(shown)}
        return
    total = Decimal(counted.pop("revenue")).scaleb(-minor_digits(currency))
    recorded = Decimal(counted.pop("recorded")).scaleb(-minor_digits(currency))
    counted["total_revenue"] = money_number(total, currency)
    counted["recorded_revenue"] = money_number(recorded, currency)
    counted |= {name: money_number(part, currency) for name, part in _revenue_parts(total, amounts).items()}
    for name, value in counted.items():
        if value is not None and shown[name] != value:
            yield {"day": day, "currency": currency, name: shown[name], "counted": value}


def _revenue_parts(revenue: Decimal, amounts: Row) -> dict[str, Decimal]:
    """The parts of the revenue. Rounding is what the others leave."""
    money = {name: Decimal(amount).scaleb(-LINE_DIGITS) for name, amount in amounts.items()}
    parts = {
        "gross_sales": money["gross_sales"],
        "discounts": money["line_discounts"] + money[AmountKind.DISCOUNT],
        "shipping": money[AmountKind.SHIPPING],
        "tax": money[AmountKind.TAX],
        "fees": money[AmountKind.FEE],
        "tips": money[AmountKind.TIP],
        "unexplained": money[AmountKind.UNEXPLAINED],
    }
    rounding = revenue - sum(parts.values()) + 2 * parts["discounts"]
    return {**parts, "rounding": rounding, "tax_included": money[AmountKind.TAX_INCLUDED]}


def _order_figures() -> Select[*tuple[Any, ...]]:
    return select(
        orders.c.day,
        orders.c.currency,
        func.count().label("orders_received"),
        func.sum(case((COMPLETED, 1), else_=0)).label("order_count"),
        func.sum(case((COMPLETED, orders.c.total), else_=0)).label("revenue"),
        func.sum(case((orders.c.status == OrderStatus.FAILED, 1), else_=0)).label("orders_failed"),
        func.sum(case((orders.c.status == OrderStatus.ROLLBACK, 1), else_=0)).label("orders_rolled_back"),
        func.count(case((COMPLETED, orders.c.customer_id)).distinct()).label("unique_customers"),
    ).group_by(orders.c.day, orders.c.currency)


def _line_figures() -> Select[*tuple[Any, ...]]:
    sums = {"units_sold": "quantity", "gross_sales": "total", "line_discounts": "discount"}
    return (
        select(
            orders.c.day,
            orders.c.currency,
            *(func.sum(order_lines.c[column]).label(name) for name, column in sums.items()),
        )
        .join_from(orders, order_lines, order_lines.c.order_id == orders.c.id)
        .where(COMPLETED)
        .group_by(orders.c.day, orders.c.currency)
    )


def _amounts() -> Select[*tuple[Any, ...]]:
    return (
        select(orders.c.day, orders.c.currency, order_amounts.c.kind, func.sum(order_amounts.c.amount))
        .join_from(order_amounts, orders, orders.c.id == order_amounts.c.order_id)
        .where(COMPLETED)
        .group_by(orders.c.day, orders.c.currency, order_amounts.c.kind)
    )


def _recorded() -> Select[*tuple[Any, ...]]:
    return (
        select(orders.c.day, orders.c.currency, func.sum(orders.c.total).label("recorded"))
        .join_from(recorded_payments, orders, orders.c.id == recorded_payments.c.order_id)
        .where(COMPLETED)
        .group_by(orders.c.day, orders.c.currency)
    )


def _first_purchases() -> Select[*tuple[Any, ...]]:
    first = (
        select(func.min(orders.c.day).label("day"), orders.c.currency)
        .where(COMPLETED, orders.c.customer_id.is_not(None))
        .group_by(orders.c.customer_id, orders.c.currency)
        .subquery()
    )
    return select(first.c.day, first.c.currency, func.count().label("new_customers")).group_by(
        first.c.day, first.c.currency
    )


def _stale_documents(figures: PublishedFigures) -> Iterator[Row]:
    try:
        for key, document in figures.cache.all_daily():
            fresh = figures.kpis.compute_day(date.fromisoformat(document["date"]), document["currency"])
            # A day without orders is computed on request, so its time differs each time.
            if document | {"generated_at": ""} != fresh | {"generated_at": ""}:
                yield {"key": key, "cached": json.dumps(document), "published": json.dumps(fresh)}
    except AWAY:
        return


def _wrong_boards(figures: PublishedFigures, boards: Iterable[Board]) -> Iterator[Row]:
    for board in boards:
        with reading(figures.engine) as connection:
            expected = {
                currency: dict(totals.scores(connection, board, currency))
                for currency in totals.currencies(connection, board)
            }
        for currency, scores in expected.items():
            try:
                shown = _board_in_redis(figures, board, currency)
            except AWAY:
                return
            # Readers get an incomplete board from the order store.
            if shown is not None:
                yield from _wrong_scores(board, currency, scores, shown)


def _board_in_redis(figures: PublishedFigures, board: Board, currency: str) -> dict[str, int] | None:
    live, found = figures.boards.live(board, currency), cast(dict[str, int], {})
    while places := live.places(len(found) + 1, PLACES_AT_ONCE):
        found.update({place.member: place.score for place in places})
    return None if places is None else found


def _wrong_scores(
    board: Board, currency: str, scores: Mapping[str, int], shown: Mapping[str, int]
) -> Iterator[Row]:
    for member in sorted(scores.keys() | shown.keys()):
        if scores.get(member) != shown.get(member):
            yield {
                "leaderboard": board.name.lower(),
                "currency": currency,
                "member": member,
                "shown": shown.get(member),
                "counted": scores.get(member),
            }
