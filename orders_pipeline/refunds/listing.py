"""Lists refunds as documents for commands and the API."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, tzinfo
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, case, func, literal, or_, select

from orders_pipeline.base.amounts.money import decimal_string, json_money
from orders_pipeline.base.amounts.quantities import quantity_number, units_of
from orders_pipeline.base.clock import end_of_day, now_us, shown_time, start_of_day
from orders_pipeline.base.model import RefundKind, RefundStatus
from orders_pipeline.refunds.requests.asked import UnknownRefundError
from orders_pipeline.refunds.requests.request import Planned, rows_of
from orders_pipeline.refunds.requests.terms import RefundTerms, awaits_approval
from orders_pipeline.store.schema import orders, refund_lines, refunds, sources
from orders_pipeline.store.statements.many_values import among, parts
from orders_pipeline.store.statements.planner import by_keys

Document = dict[str, Any]
FAILED_FOR_DAYS, DAY_US = 7, 86_400_000_000


@dataclass(frozen=True, slots=True)
class RefundFilter:
    """Conditions for listing refunds. An empty condition is not applied.

    Attributes:
        order: number of an order.
        first, last: days, both included, in the time zone. A completed refund counts on its KPI day, every
            other refund on the day of its request.
        before: `refund_id` of a refund; only refunds requested earlier are listed.
    """

    status: RefundStatus | None = None
    kind: RefundKind | None = None
    order: str | None = None
    source: str | None = None
    needs_approval: bool = False
    currency: str | None = None
    first: date | None = None
    last: date | None = None
    zone: tzinfo = UTC
    before: str | None = None

    def condition(self) -> ColumnElement[bool]:
        """Returns the conditions on the tables `refunds`, `orders` and `sources`."""
        met: list[ColumnElement[bool]] = [literal(True)]
        if self.status:
            met.append(refunds.c.status == self.status)
        if self.kind:
            met.append(refunds.c.kind == self.kind)
        if self.order is not None:
            met.append(orders.c.number == self.order)
        if self.source is not None:
            met.append(sources.c.name == self.source)
        if self.needs_approval:
            met += [refunds.c.status == RefundStatus.PENDING, awaits_approval()]
        if self.currency is not None:
            met.append(orders.c.currency == self.currency)
        if self.first is not None:
            met.append(
                _by_day(
                    refunds.c.day >= self.first, refunds.c.requested_at >= start_of_day(self.first, self.zone)
                )
            )
        if self.last is not None:
            met.append(
                _by_day(
                    refunds.c.day <= self.last, refunds.c.requested_at <= end_of_day(self.last, self.zone)
                )
            )
        return and_(*met)


def _by_day(completed: ColumnElement[bool], other: ColumnElement[bool]) -> ColumnElement[bool]:
    return or_(completed, and_(refunds.c.day.is_(None), other))


def refund_documents(connection: Connection, ids: Iterable[str]) -> list[Document]:
    """Returns refunds by their `refund_id`, in the order of the given ids; unknown ids are left out."""
    wanted = list(ids)
    found = {
        document["refund_id"]: document
        for part in parts(wanted)
        for document in _documents(connection, _query().where(refunds.c.refund_id.in_(part)))
    }
    return [found[refund_id] for refund_id in wanted if refund_id in found]


def refund_document(connection: Connection, refund_id: str) -> Document:
    """Returns one refund.

    Raises:
        UnknownRefundError: there is no refund with this id.
    """
    found = refund_documents(connection, [refund_id])
    if not found:
        raise UnknownRefundError(refund_id)
    return found[0]


def list_refunds(connection: Connection, wanted: RefundFilter, limit: int) -> list[Document]:
    """Returns the refunds that meet the conditions, newest first.

    Raises:
        UnknownRefundError: there is no refund with the id `before`.
    """
    query = _query().where(wanted.condition()).order_by(refunds.c.id.desc()).limit(limit)
    if wanted.before is not None:
        query = query.where(refunds.c.id < _row_id(connection, wanted.before))
    return _documents(connection, query)


def _row_id(connection: Connection, refund_id: str) -> int:
    found = connection.scalar(select(refunds.c.id).where(refunds.c.refund_id == refund_id))
    if found is None:
        raise UnknownRefundError(refund_id)
    return int(found)


def refund_stats(connection: Connection) -> Document:
    """Returns counts by status, sums by status and currency, and refunded and disputed amounts by currency.

    Counts and sums by status include disputes. Sums are without the fees of disputes.
    """
    r = refunds.c
    groups = (r.status, r.kind, orders.c.currency)
    query = (
        select(*groups, func.count(), func.sum(r.amount))
        .join(orders, orders.c.id == r.order_id)
        .group_by(*groups)
        .order_by(*groups)
    )
    awaiting = select(func.count()).where(r.status == RefundStatus.PENDING, awaits_approval())
    counts = dict.fromkeys((status.value for status in RefundStatus), 0)
    amounts: dict[str, Counter[str]] = {status.value: Counter() for status in RefundStatus}
    by_kind: dict[str, dict[str, float]] = {kind.value: {} for kind in RefundKind}
    for status, kind, currency, number, amount in connection.execute(query):
        counts[status] += number
        amounts[status][currency] += int(amount)
        if status == RefundStatus.COMPLETED:
            by_kind[kind][currency] = json_money(amount, currency)
    return {
        "refunds": counts,
        "amounts": {
            status: {currency: json_money(amount, currency) for currency, amount in sums.items()}
            for status, sums in amounts.items()
        },
        "awaiting_approval": connection.scalar(awaiting),
        "refunded": by_kind[RefundKind.REFUND],
        "disputed": by_kind[RefundKind.DISPUTE],
    }


def sums_of(connection: Connection, ids: Iterable[int]) -> tuple[dict[str, int], dict[str, str]]:
    """Returns the number of refunds by status, and their sums as decimal strings by currency."""
    columns = (refunds.c.status, orders.c.currency)
    query = (
        select(*columns, func.count(), func.sum(refunds.c.amount))
        .join(orders, orders.c.id == refunds.c.order_id)
        .group_by(*columns)
        .order_by(*columns)
    )
    numbers: Counter[str] = Counter()
    amounts: Counter[str] = Counter()
    with by_keys(connection):
        for part in parts(ids):
            of_part = query.where(among(connection, refunds.c.id, part))
            for status, currency, number, amount in connection.execute(of_part):
                numbers[status] += number
                amounts[currency] += int(amount)
    return dict(numbers), {currency: decimal_string(sum_, currency) for currency, sum_ in amounts.items()}


def refunds_by_day(connection: Connection, days: int) -> list[Document]:
    """Returns refunds and disputes of the last days with any, by currency, newest day first."""
    day = refunds.c.day
    newest = select(day).where(day.is_not(None)).distinct().order_by(day.desc()).limit(days)
    return _sums_by_day(connection, day.in_(newest))


def refunds_on(connection: Connection, day: date) -> list[Document]:
    """Returns refunds and disputes that were completed on a day, by currency."""
    return _sums_by_day(connection, refunds.c.day == day)


def refunds_to_attend(connection: Connection, today: date, currency: str) -> Document:
    """Returns today's refunds in a currency, and the number of refunds that need a person, in all currencies.

    Failed refunds are counted only for some days.
    """
    r, since = refunds.c, now_us() - FAILED_FOR_DAYS * DAY_US
    # Only failed refunds have a `failure`; the condition on it uses the partial index.
    lately = (r.failure.is_not(None), r.kind == RefundKind.REFUND, r.settled_at >= since)
    awaiting = (r.settled_at.is_(None), r.status == RefundStatus.PENDING, awaits_approval())
    of_currency = [one for one in refunds_on(connection, today) if one["currency"] == currency]
    return {
        "refunded_today": of_currency[0]["refunded"] if of_currency else 0,
        "failed": connection.scalar(select(func.count()).where(*lately)),
        "awaiting_approval": connection.scalar(select(func.count()).where(*awaiting)),
        "days": FAILED_FOR_DAYS,
    }


def _sums_by_day(connection: Connection, chosen: ColumnElement[bool]) -> list[Document]:
    r = refunds.c
    refund = r.kind == RefundKind.REFUND
    query = (
        select(r.day, orders.c.currency, func.count())
        .add_columns(
            func.sum(case((refund, r.amount), else_=0)), func.sum(case((refund, 0), else_=r.amount + r.fee))
        )
        .join(orders, orders.c.id == r.order_id)
        .where(chosen)
        .group_by(r.day, orders.c.currency)
        .order_by(r.day.desc(), orders.c.currency)
    )
    return [
        {
            "day": str(day),
            "currency": currency,
            "refunds": number,
            "refunded": json_money(refunded, currency),
            "disputed": json_money(disputed, currency),
        }
        for day, currency, number, refunded, disputed in connection.execute(query)
    ]


def planned_document(planned: Planned, terms: RefundTerms, actor: str) -> Document:
    """Returns what a request would become, as the document of a refund without an id."""
    order = planned.left.order
    (row,) = rows_of([planned], terms).to_dicts()
    row |= dict.fromkeys(("refund_id", "settled_at", "day", "transaction_id", "failure", "approved_by"))
    row |= {"requested_at": now_us(), "requested_by": actor}
    row |= {"number": order.number, "source": order.source, "currency": order.currency}
    lines = [{**line._asdict(), "quantity": units_of(line.quantity)} for line in planned.decided.lines]
    return _document(row, lines)


def _query() -> Select[Any]:
    return (
        select(refunds, orders.c.number, orders.c.currency, sources.c.name.label("source"))
        .join(orders, orders.c.id == refunds.c.order_id)
        .join(sources, sources.c.id == orders.c.source_id)
    )


def _documents(connection: Connection, query: Select[Any]) -> list[Document]:
    rows = connection.execute(query).mappings().all()
    lines = _lines(connection, [row["id"] for row in rows])
    return [_document(dict(row), lines[row["id"]]) for row in rows]


def _document(row: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]) -> Document:
    currency = row["currency"]
    return {
        "refund_id": row["refund_id"],
        "order": row["number"],
        "source": row["source"],
        "number": row["number"],
        "amount": json_money(row["amount"], currency),
        "currency": currency,
        "kind": row["kind"],
        "status": row["status"],
        "reason": row["reason"],
        "requested_at": shown_time(row["requested_at"]),
        "settled_at": shown_time(row["settled_at"]),
        "transaction_id": row["transaction_id"],
        "failure": row["failure"],
        "method": row["method"],
        "shipping": json_money(row["shipping"], currency),
        "fee": json_money(row["fee"], currency),
        "restock": row["restock"],
        "lines": [
            {
                "line": line["line"],
                "quantity": quantity_number(line["quantity"]),
                "amount": json_money(line["amount"], currency),
            }
            for line in lines
        ],
        "day": str(row["day"]) if row["day"] else None,
        "requested_by": row["requested_by"],
        "needs_approval": row["needs_approval"],
        "approved_by": row["approved_by"],
    }


def _lines(connection: Connection, ids: Iterable[int]) -> dict[int, list[dict[str, Any]]]:
    query = select(refund_lines).order_by(refund_lines.c.refund, refund_lines.c.line)
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for part in parts(ids):
        for row in connection.execute(query.where(refund_lines.c.refund.in_(part))).mappings():
            found[row["refund"]].append(dict(row))
    return found
