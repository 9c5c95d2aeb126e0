"""Checks published figures against the orders. The order store's database recomputes them independently.

`days` are the days to look at, all if it is None. A check of some days costs as much as their orders, however
many others there are.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar, cast

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    case,
    func,
    literal,
    select,
    true,
    type_coerce,
    union_all,
)

from orders_pipeline.base.amounts.currency import minor_digits
from orders_pipeline.base.amounts.money import LINE_DIGITS
from orders_pipeline.base.amounts.quantities import quantity_number, units_of
from orders_pipeline.base.model import AmountKind, OrderStatus, RefundKind, RefundStatus
from orders_pipeline.figures.kpis.kpi_documents import Document, money_number
from orders_pipeline.figures.kpis.warehouse.published_parts import (
    PartsLost,
    damaged_periods,
    month_of,
    read_listing,
)
from orders_pipeline.figures.leaderboards import totals
from orders_pipeline.figures.leaderboards.boards import Board
from orders_pipeline.figures.published_figures import PublishedFigures
from orders_pipeline.services.redis_clients import AWAY
from orders_pipeline.store import kpi_days
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import (
    order_amounts,
    order_lines,
    orders,
    recorded_payments,
    refunds,
    returns,
)
from orders_pipeline.verify.check import Check, check_none

COMPLETED = orders.c.status == OrderStatus.COMPLETED
IN_MINOR_UNITS = (
    "total_revenue",
    "recorded_revenue",
    "refunded",
    "refunded_of_orders",
    "disputed",
    "dispute_fees",
)
# Figures of a day that has only refunds, or only orders.
NOTHING = dict.fromkeys(
    (
        *IN_MINOR_UNITS,
        "order_count",
        "orders_received",
        "orders_failed",
        "orders_rolled_back",
        "unique_customers",
        "new_customers",
        "units_sold",
        "refund_count",
    ),
    0,
)
PLACES_AT_ONCE = 5_000
LOOK_AGAIN_SECONDS = 2.0
# Looking up each order by the index of days takes four times as long as a scan of all orders.
FEW_OF_ALL_DAYS = 0.5
Row = dict[str, Any]
Rows = dict[tuple[date, str], Row]
Days = Collection[date] | None
Key = TypeVar("Key")


def check_figures(figures: PublishedFigures) -> list[Check]:
    """Compares KPIs and leaderboards with the order store. Days due for a refresh are left out."""
    return [
        check_published_files(figures),
        check_published_kpis(figures),
        check_cached_kpis(figures),
        check_leaderboards(figures),
    ]


def check_published_files(figures: PublishedFigures, days: Days = None) -> Check:
    """Compares each published file with the checksum of its publication."""
    return check_none("published_files_are_whole", _damaged_files(figures, days))


def check_published_kpis(figures: PublishedFigures, days: Days = None) -> Check:
    """Compares published days with figures recomputed by the order store."""
    return check_none("daily_kpis_equal_a_recomputation", _wrong_days(figures, days))


def check_cached_kpis(figures: PublishedFigures, days: Days = None) -> Check:
    """Compares the days in Redis with the published days."""
    return check_none("cached_kpis_are_the_published_ones", _stale_documents(figures, days))


def check_leaderboards(figures: PublishedFigures, boards: Collection[Board] = tuple(Board)) -> Check:
    """Compares the boards in Redis with the order store."""
    return check_none("leaderboards_equal_the_order_store", _wrong_boards(figures, boards))


def recomputed_days(connection: Connection, days: Days = None) -> Rows:
    """The figures of each day and currency, recomputed by the order store."""
    if days is None or len(days) <= FEW_OF_ALL_DAYS * len(kpi_days.all_versions(connection)):
        return _recomputed(connection, days)
    wanted = set(days)
    return {key: row for key, row in _recomputed(connection, None).items() if key[0] in wanted}


def _recomputed(connection: Connection, days: Days) -> Rows:
    found: Rows = {}
    for query in (
        _order_figures(days),
        _line_figures(days),
        _recorded(days),
        _first_purchases(days),
        _money_back(days),
        _refunded_of_orders(days),
    ):
        for row in connection.execute(query).mappings():
            found.setdefault((row["day"], row["currency"]), {}).update(
                {name: int(value) for name, value in row.items() if name not in ("day", "currency")}
            )
    for day, currency, kind, amount in connection.execute(_amounts(days)):
        found[day, currency][kind] = int(amount)
    return found


def _damaged_files(figures: PublishedFigures, days: Days) -> Iterator[Row]:
    with reading(figures.engine) as connection:
        if not kpi_days.clean_versions(connection, days):
            return
    listing = read_listing(figures.folder)
    if listing is None:
        raise PartsLost
    spans = listing.months() if days is None else {month_of(day) for day in days}
    for period in sorted(damaged_periods(figures.folder, listing, spans)):
        yield {"period": period, "remedy": "`orders kpis rebuild`"}


def _wrong_days(figures: PublishedFigures, days: Days) -> Iterator[Row]:
    with reading(figures.engine) as connection:
        versions = kpi_days.clean_versions(connection, days)
        expected = recomputed_days(connection, days)
    shown = _published(figures, days)
    with reading(figures.engine) as connection:
        now = kpi_days.clean_versions(connection, days)
        known = kpi_days.versions(connection, days)
    # Days that are due, or became due meanwhile, cannot be compared yet.
    due = kpi_days.dirty_days(figures.engine)
    moving = {day for day in known if versions.get(day, -1) != now.get(day)}
    first_moving = min([*moving, *due], default=date.max)
    for day, currency in sorted(expected.keys() | shown.keys()):
        if day not in moving:
            counted = expected.get((day, currency))
            if counted and day > first_moving:
                # A customer's first purchase may move to an earlier day that is still due.
                counted = {**counted, "new_customers": None}
            yield from _differences(day, currency, counted, shown.get((day, currency)))


def _published(figures: PublishedFigures, days: Days) -> dict[tuple[date, str], Document]:
    if days is None:
        documents = figures.kpis.all_days()
    else:
        documents = figures.kpis.all_days(min(days, default=date.max), max(days, default=date.min))
    found = {(date.fromisoformat(shown["date"]), shown["currency"]): shown for shown in documents}
    return {key: shown for key, shown in found.items() if days is None or key[0] in days}


def _differences(day: date, currency: str, expected: Row | None, shown: Document | None) -> Iterator[Row]:
    counted = {**NOTHING, **(expected or {})}
    amounts = {name: counted.pop(name, 0) for name in ("gross_sales", "line_discounts", *AmountKind)}
    if expected is None or shown is None:
        yield {"day": day, "currency": currency, "counted": bool(expected), "published": bool(shown)}
        return
    minor = {name: Decimal(counted[name]).scaleb(-minor_digits(currency)) for name in IN_MINOR_UNITS}
    total = minor["total_revenue"]
    minor["net_revenue"] = total - minor["refunded"]
    counted |= {name: money_number(amount, currency) for name, amount in minor.items()}
    counted["units_sold"] = quantity_number(units_of(counted["units_sold"]))
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


def _on(day: ColumnElement[date], days: Days) -> ColumnElement[bool]:
    return true() if days is None else day.in_(list(days))


def _key(column: ColumnElement[Key], days: Days) -> ColumnElement[Key]:
    """A column to group by. For all days, it is an expression, so that SQLite scans the table.

    For a column, SQLite would follow its index and look up all orders in random order.
    """
    return column if days is not None else func.coalesce(column, column)


def _order_figures(days: Days) -> Select[*tuple[Any, ...]]:
    day = _key(orders.c.day, days)
    return (
        select(
            day.label("day"),
            orders.c.currency,
            func.count().label("orders_received"),
            func.sum(case((COMPLETED, 1), else_=0)).label("order_count"),
            func.sum(case((COMPLETED, orders.c.total), else_=0)).label("total_revenue"),
            func.sum(case((orders.c.status == OrderStatus.FAILED, 1), else_=0)).label("orders_failed"),
            func.sum(case((orders.c.status == OrderStatus.ROLLBACK, 1), else_=0)).label("orders_rolled_back"),
            func.count(case((COMPLETED, orders.c.customer_id)).distinct()).label("unique_customers"),
        )
        .where(_on(orders.c.day, days))
        .group_by(day, orders.c.currency)
    )


def _line_figures(days: Days) -> Select[*tuple[Any, ...]]:
    sums = {"units_sold": "quantity", "gross_sales": "total", "line_discounts": "discount"}
    day = _key(orders.c.day, days)
    return (
        select(
            day.label("day"),
            orders.c.currency,
            *(
                func.sum(type_coerce(order_lines.c[column], BigInteger)).label(name)
                for name, column in sums.items()
            ),
        )
        .join_from(orders, order_lines, order_lines.c.order_id == orders.c.id)
        .where(COMPLETED, _on(orders.c.day, days))
        .group_by(day, orders.c.currency)
    )


def _amounts(days: Days) -> Select[*tuple[Any, ...]]:
    day = _key(orders.c.day, days)
    return (
        select(day.label("day"), orders.c.currency, order_amounts.c.kind, func.sum(order_amounts.c.amount))
        .join_from(order_amounts, orders, orders.c.id == order_amounts.c.order_id)
        .where(COMPLETED, _on(orders.c.day, days))
        .group_by(day, orders.c.currency, order_amounts.c.kind)
    )


def _recorded(days: Days) -> Select[*tuple[Any, ...]]:
    day = _key(orders.c.day, days)
    return (
        select(day.label("day"), orders.c.currency, func.sum(orders.c.total).label("recorded_revenue"))
        .join_from(recorded_payments, orders, orders.c.id == recorded_payments.c.order_id)
        .where(COMPLETED, _on(orders.c.day, days))
        .group_by(day, orders.c.currency)
    )


def _money_back(days: Days) -> Select[*tuple[Any, ...]]:
    """Refunds, returns that name no order, and disputes, by the day of the refund."""
    completed = refunds.c.status == RefundStatus.COMPLETED
    of_orders = (
        select(refunds.c.day, orders.c.currency, refunds.c.kind, refunds.c.amount, refunds.c.fee)
        .join_from(refunds, orders, orders.c.id == refunds.c.order_id)
        .where(completed, _on(refunds.c.day, days))
    )
    alone = select(
        returns.c.day,
        returns.c.currency,
        literal(RefundKind.REFUND.value).label("kind"),
        returns.c.total.label("amount"),
        literal(0).label("fee"),
    ).where(_on(returns.c.day, days))
    back = union_all(of_orders, alone).subquery().c
    is_refund, is_dispute = back.kind == RefundKind.REFUND, back.kind == RefundKind.DISPUTE
    return select(
        back.day,
        back.currency,
        func.sum(case((is_refund, back.amount), else_=0)).label("refunded"),
        func.sum(case((is_refund, 1), else_=0)).label("refund_count"),
        func.sum(case((is_dispute, back.amount), else_=0)).label("disputed"),
        func.sum(case((is_dispute, back.fee), else_=0)).label("dispute_fees"),
    ).group_by(back.day, back.currency)


def _refunded_of_orders(days: Days) -> Select[*tuple[Any, ...]]:
    given_back = (refunds.c.kind == RefundKind.REFUND) & (refunds.c.status == RefundStatus.COMPLETED)
    return (
        select(orders.c.day, orders.c.currency, func.sum(refunds.c.amount).label("refunded_of_orders"))
        .join_from(refunds, orders, orders.c.id == refunds.c.order_id)
        .where(given_back, _on(orders.c.day, days))
        .group_by(orders.c.day, orders.c.currency)
    )


def _first_purchases(days: Days) -> Select[*tuple[Any, ...]]:
    customer = _key(orders.c.customer_id, days)
    named = customer.is_not(None)
    if days is not None:
        buying = orders.alias().c
        named = orders.c.customer_id.in_(select(buying.customer_id).where(_on(buying.day, days)))
    first = (
        select(func.min(orders.c.day).label("day"), orders.c.currency)
        .where(COMPLETED, named)
        .group_by(customer, orders.c.currency)
        .subquery()
    )
    return (
        select(first.c.day, first.c.currency, func.count().label("new_customers"))
        .where(_on(first.c.day, days))
        .group_by(first.c.day, first.c.currency)
    )


def _stale_documents(figures: PublishedFigures, days: Days) -> Iterator[Row]:
    try:
        # Published days are read once; a document that differs may be newer than they are.
        published = _published(figures, days)
        cached = figures.cache.all_daily() if days is None else figures.cache.some_daily(published)
        for key, document in cached:
            day = date.fromisoformat(document["date"])
            if not _same_figures(document, published.get((day, document["currency"]))):
                fresh = figures.kpis.compute_day(day, document["currency"])
                if not _same_figures(document, fresh):
                    yield {"key": key, "cached": json.dumps(document), "published": json.dumps(fresh)}
    except AWAY:
        return


def _same_figures(document: Document, other: Document | None) -> bool:
    # A day without orders is computed on request, so its time differs each time.
    return other is not None and document | {"generated_at": ""} == other | {"generated_at": ""}


def _wrong_boards(figures: PublishedFigures, boards: Collection[Board]) -> Iterator[Row]:
    """Scores that are wrong, and have not changed a moment later."""
    wrong = list(_board_differences(figures, boards))
    if wrong:
        # A batch changes Redis just after the store, so a running import causes temporary differences.
        time.sleep(LOOK_AGAIN_SECONDS)
        yield from (one for one in _board_differences(figures, boards) if one in wrong)


def _board_differences(figures: PublishedFigures, boards: Collection[Board]) -> Iterator[Row]:
    for board in boards:
        with reading(figures.engine) as connection:
            expected = {
                currency: {member: score for member, score, _ in totals.scores(connection, board, currency)}
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
