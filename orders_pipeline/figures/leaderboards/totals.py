"""The totals behind the leaderboards in the order store: completed orders, by customer and by product."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, collate, func, or_, select

from orders_pipeline.base.model import OrderStatus, Window
from orders_pipeline.figures.leaderboards.boards import Board, Place
from orders_pipeline.store.raw_rows import chunks_of
from orders_pipeline.store.schema import (
    customer_totals,
    customers,
    order_lines,
    orders,
    product_totals,
    products,
)

IDS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Total:
    """The figures of a member. `revenue` is set for products, in 1/10,000 of the major unit."""

    name: str | None
    orders: int
    score: int
    revenue: int


@dataclass(frozen=True, slots=True)
class Ranked:
    """The columns that a board ranks by."""

    member: ColumnElement[str]
    score: ColumnElement[int]
    currency: ColumnElement[str]
    query: Select[*tuple[Any, ...]]


def scores(connection: Connection, board: Board, currency: str) -> Iterator[tuple[str, int]]:
    """The score of every member of a board."""
    ranked = ranked_by(board)
    query = ranked.query.with_only_columns(ranked.member, ranked.score).where(ranked.currency == currency)
    for rows in chunks_of(connection, query):
        yield from rows


def totals_of(
    connection: Connection, board: Board, currency: str, members: Iterable[str]
) -> dict[str, Total]:
    """The totals of these members."""
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
    """The place of a member; empty if it is not on the board."""
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


def touched_scores(connection: Connection, board: Board, window: Window) -> dict[str, list[tuple[str, int]]]:
    """Absolute scores, by currency, of the members that appear in completed orders of an id range."""
    ranked = ranked_by(board)
    completed = and_(orders.c.id.between(*window), orders.c.status == OrderStatus.COMPLETED)
    if board is Board.CUSTOMERS:
        pairs = select(orders.c.customer_id, orders.c.currency).where(completed).distinct().subquery()
        same = pairs.c.customer_id == customer_totals.c.customer_id
    else:
        pairs = (
            select(order_lines.c.product_id, orders.c.currency)
            .join_from(orders, order_lines, order_lines.c.order_id == orders.c.id)
            .where(completed)
            .distinct()
            .subquery()
        )
        same = pairs.c.product_id == product_totals.c.product_id
    query = ranked.query.with_only_columns(ranked.member, ranked.score, ranked.currency).join(
        pairs, and_(same, pairs.c.currency == ranked.currency)
    )
    found: dict[str, list[tuple[str, int]]] = {}
    for rows in chunks_of(connection, query):
        for member, score, code in rows:
            found.setdefault(code, []).append((member, score))
    return found


def currencies(connection: Connection, board: Board) -> list[str]:
    """The currencies in which a board has members."""
    ranked = ranked_by(board)
    query = ranked.query.with_only_columns(ranked.currency).distinct().order_by(ranked.currency)
    return list(connection.scalars(query))


def ranked_by(board: Board) -> Ranked:
    """The ranking columns of a board, and the query for the totals of its members."""
    if board is Board.CUSTOMERS:
        total = customer_totals.c
        query = select(
            total.customer_id.label("member"), customers.c.name, total.orders, total.spent.label("score")
        ).join_from(customer_totals, customers, customers.c.id == total.customer_id)
        return Ranked(total.customer_id, total.spent, total.currency, query)
    sold = product_totals.c
    query = select(
        products.c.sku.label("member"), products.c.name, sold.orders, sold.units.label("score"), sold.revenue
    ).join_from(product_totals, products, products.c.id == sold.product_id)
    return Ranked(products.c.sku, sold.units, sold.currency, query)


def by_code_point(connection: Connection, column: ColumnElement[str]) -> ColumnElement[str]:
    """Order by code point, the native order of Redis and SQLite."""
    return collate(column, "C") if connection.dialect.name == "postgresql" else column


def _total(row: Row[Any]) -> Total:
    return Total(row.name, row.orders, row.score, row._mapping.get("revenue", 0))
