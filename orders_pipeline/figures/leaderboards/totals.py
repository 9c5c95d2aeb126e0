"""The totals of the leaderboards in the order store: completed orders less refunds.

Customers are ranked by their spending less refunds, products by units sold less units returned. A member
whose orders were all refunded stays on its board with a score of 0. Returns that name no order can make a
score negative; such members have the last places.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    collate,
    func,
    or_,
    select,
    type_coerce,
)

from orders_pipeline.figures.leaderboards.boards import Board, Place, Score
from orders_pipeline.figures.leaderboards.touched import Members
from orders_pipeline.store.schema import customer_totals, customers, product_totals, products
from orders_pipeline.store.statements.raw_rows import chunks_of

IDS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Total:
    """The figures of a member, less refunds. `orders` counts all completed orders.

    `revenue` is set for products, in 1/10,000 of the major unit. `score` is an integer; see
    `Board.score_scale`.
    """

    name: str | None
    orders: int
    score: int
    revenue: int


@dataclass(frozen=True, slots=True)
class Ranked:
    """The columns by which a board ranks. `id` is the member's id in the order store."""

    id: ColumnElement[Any]
    member: ColumnElement[str]
    score: ColumnElement[int]
    version: ColumnElement[int]
    currency: ColumnElement[str]
    query: Select[*tuple[Any, ...]]


def scores(connection: Connection, board: Board, currency: str) -> Iterator[Score]:
    """Yields the score of every member of a board."""
    ranked = ranked_by(board)
    query = ranked.query.with_only_columns(ranked.member, ranked.score, ranked.version).where(
        ranked.currency == currency
    )
    for rows in chunks_of(connection, query):
        yield from rows


def totals_of(
    connection: Connection, board: Board, currency: str, members: Iterable[str]
) -> dict[str, Total]:
    """Returns the totals of these members."""
    ranked, found, wanted = ranked_by(board), {}, list(members)
    for start in range(0, len(wanted), IDS_AT_ONCE):
        query = ranked.query.where(
            ranked.currency == currency, ranked.member.in_(wanted[start : start + IDS_AT_ONCE])
        )
        found.update({row.member: _total(row) for row in connection.execute(query)})
    return found


def top_places(connection: Connection, board: Board, currency: str, first: int, number: int) -> list[Place]:
    """Up to `number` places, starting at rank `first`."""
    ranked = ranked_by(board)
    query = (
        ranked.query.with_only_columns(ranked.member, ranked.score)
        .where(ranked.currency == currency)
        .order_by(ranked.score.desc(), by_code_point(connection, ranked.member))
        .offset(first - 1)
        .limit(number)
    )
    return [Place(rank, row[0], row[1]) for rank, row in enumerate(connection.execute(query), first)]


def place_of(connection: Connection, board: Board, currency: str, member: str) -> list[Place]:
    """Returns the place of a member; empty if it is not on the board."""
    own = totals_of(connection, board, currency, [member]).get(member)
    if own is None:
        return []
    ranked = ranked_by(board)
    before = or_(
        ranked.score > own.score,
        and_(ranked.score == own.score, by_code_point(connection, ranked.member) < member),
    )
    query = ranked.query.with_only_columns(func.count()).where(ranked.currency == currency, before)
    return [Place(connection.execute(query).scalar_one() + 1, member, own.score)]


def scores_of(connection: Connection, board: Board, touched: Members) -> dict[str, list[Score]]:
    """The scores, by currency, of these members."""
    ranked, members = ranked_by(board), touched.subquery()
    member_id, currency = members.c
    query = ranked.query.with_only_columns(ranked.member, ranked.score, ranked.version, ranked.currency).join(
        members, and_(member_id == ranked.id, currency == ranked.currency)
    )
    found: dict[str, list[Score]] = {}
    for rows in chunks_of(connection, query):
        for member, score, version, code in rows:
            found.setdefault(code, []).append((member, score, version))
    return found


def currencies(connection: Connection, board: Board) -> list[str]:
    """Returns the currencies in which a board has members."""
    ranked = ranked_by(board)
    query = ranked.query.with_only_columns(ranked.currency).distinct().order_by(ranked.currency)
    return list(connection.scalars(query))


def ranked_by(board: Board) -> Ranked:
    """Returns the ranking columns of a board, and the query for the totals of its members."""
    return _ranked_customers() if board is Board.CUSTOMERS else _ranked_products()


def _ranked_customers() -> Ranked:
    total = customer_totals.c
    score = total.spent - total.refunded
    query = select(
        total.customer_id.label("member"), customers.c.name, total.orders, score.label("score")
    ).join_from(customer_totals, customers, customers.c.id == total.customer_id)
    return Ranked(total.customer_id, total.customer_id, score, total.version, total.currency, query)


def _ranked_products() -> Ranked:
    sold = product_totals.c
    score = type_coerce(sold.units, BigInteger) - type_coerce(sold.units_returned, BigInteger)
    query = select(
        products.c.sku.label("member"),
        products.c.name,
        sold.orders,
        score.label("score"),
        (sold.revenue - sold.refunded).label("revenue"),
    ).join_from(product_totals, products, products.c.id == sold.product_id)
    return Ranked(sold.product_id, products.c.sku, score, sold.version, sold.currency, query)


def by_code_point(connection: Connection, column: ColumnElement[str]) -> ColumnElement[str]:
    """Returns a column that is ordered by code point, as Redis and SQLite order text."""
    return collate(column, "C") if connection.dialect.name == "postgresql" else column


def _total(row: Row[Any]) -> Total:
    return Total(row.name, row.orders, row.score, row._mapping.get("revenue", 0))
