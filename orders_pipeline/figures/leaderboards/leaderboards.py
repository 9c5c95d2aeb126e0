"""Customers by spending, products by units, both less what was refunded.

Ranks come from Redis, figures and names from the order store.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar

import redis
from sqlalchemy import Engine

from orders_pipeline.base.amounts.currency import minor_digits
from orders_pipeline.base.amounts.quantities import quantity_number, units_of
from orders_pipeline.base.model import Window
from orders_pipeline.figures.kpis.kpi_documents import money_number
from orders_pipeline.figures.leaderboards import totals, touched
from orders_pipeline.figures.leaderboards.boards import Board, Place, Score, keys_of
from orders_pipeline.figures.leaderboards.redis_board import RebuildLostError, RedisBoard
from orders_pipeline.services.redis_clients import UNREACHABLE
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import orders

REBUILD_TRIES = 3
REFUNDS_AT_ONCE = 5_000
Entry = dict[str, Any]
Answer = TypeVar("Answer")
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Leaderboards:
    """Both leaderboards, in every currency.

    Args:
        owner: id of the order store, from `store_id`.
        currency: the default currency, whose keys have no suffix.
    """

    engine: Engine
    client: redis.Redis
    owner: str
    currency: str

    def top(self, board: Board, limit: int, currency: str, first: int = 1) -> list[Entry]:
        """Up to `limit` places, starting at rank `first`."""
        places = self._ask(
            board,
            currency,
            lambda live: live.places(first, limit),
            lambda store: totals.top_places(store, board, currency, first, limit),
        )
        return self._entries(board, currency, places)

    def place(self, board: Board, member: str, currency: str) -> Entry | None:
        """The place of a member; None if it is not on the board."""
        entries = self._entries(board, currency, self._find(board, member, currency))
        return entries[0] if entries else None

    def neighbours(self, board: Board, member: str, currency: str, each_side: int) -> list[Entry]:
        """The place of a member and the places around it; empty if the member is not on the board."""
        found = self._find(board, member, currency)
        if not found:
            return []
        first = max(1, found[0].rank - each_side)
        return self.top(board, found[0].rank + each_side - first + 1, currency, first)

    def publish_window(self, window: Window) -> None:
        """Updates both boards with the completed orders of an id range. Idempotent."""
        self._publish_touched(lambda board: touched.of_orders(board, orders.c.id.between(*window)))

    def publish_orders(self, ids: Sequence[int]) -> None:
        """Updates both boards with those of a few thousand orders that are completed. Idempotent."""
        self._publish_touched(lambda board: touched.of_orders(board, orders.c.id.in_(ids)))

    def publish_refunds(self, ids: Sequence[int]) -> None:
        """Updates both boards after refunds (`refunds.id`) were completed or undone. Idempotent."""
        for start in range(0, len(ids), REFUNDS_AT_ONCE):
            self._publish_touched(partial(touched.of_refunds, ids=ids[start : start + REFUNDS_AT_ONCE]))

    def publish_returns(self, import_id: int) -> None:
        """Updates both boards with the returns that an import stored. Idempotent."""
        self._publish_touched(lambda board: touched.of_returns(board, import_id))

    def publish(self, board: Board, currency: str, scores: Iterable[Score]) -> None:
        """Sets members to their scores in the order store. Rebuilds a board that is incomplete."""
        if not self.live(board, currency).publish(scores):
            self.rebuild(board, currency)

    def rebuild(self, board: Board, currency: str) -> int:
        """Rebuilds a board from the order store while readers use it. Returns its number of members."""
        for _ in range(REBUILD_TRIES - 1):
            try:
                return self._rebuild(board, currency)
            except RebuildLostError as error:
                log.warning("%s, it starts again", error)
        return self._rebuild(board, currency)

    def rebuild_all(self, board: Board) -> dict[str, int]:
        """Rebuilds a board in each currency that has members. Returns the number of members by currency."""
        with reading(self.engine) as connection:
            found = totals.currencies(connection, board)
        return {currency: self.rebuild(board, currency) for currency in found or [self.currency]}

    def missing(self) -> list[tuple[Board, str]]:
        """Boards and currencies that have members but are missing or incomplete in Redis."""
        with reading(self.engine) as connection:
            known = [(board, code) for board in Board for code in totals.currencies(connection, board)]
        return [(board, code) for board, code in known if self.live(board, code).places(1, 1) is None]

    def _publish_touched(self, members_of: Callable[[Board], touched.Members]) -> None:
        for board in Board:
            with reading(self.engine) as connection:
                found = totals.scores_of(connection, board, members_of(board))
            for currency, scores in found.items():
                self.publish(board, currency, scores)

    def _rebuild(self, board: Board, currency: str) -> int:
        live = self.live(board, currency)
        token = live.begin_rebuild()
        with reading(self.engine) as connection:
            return live.finish_rebuild(token, totals.scores(connection, board, currency))

    def _find(self, board: Board, member: str, currency: str) -> list[Place]:
        return self._ask(
            board,
            currency,
            lambda live: live.place(member),
            lambda store: totals.place_of(store, board, currency, member),
        )

    def _ask(
        self,
        board: Board,
        currency: str,
        ask_redis: Callable[[RedisBoard], Answer | None],
        ask_store: Callable[[Any], Answer],
    ) -> Answer:
        """Returns the answer of Redis if it has the complete board, otherwise of the order store."""
        try:
            answer = ask_redis(self.live(board, currency))
        except UNREACHABLE as error:
            log.warning("Redis is down; the order store answers instead: %s", error)
            answer = None
        if answer is not None:
            return answer
        with reading(self.engine) as connection:
            return ask_store(connection)

    def live(self, board: Board, currency: str) -> RedisBoard:
        """The board in Redis."""
        keys = keys_of(board, currency, self.currency)
        return RedisBoard(self.client, keys, f"{self.owner} {currency}", board.score_scale)

    def _entries(self, board: Board, currency: str, places: list[Place]) -> list[Entry]:
        with reading(self.engine) as connection:
            known = totals.totals_of(connection, board, currency, [place.member for place in places])
        show = _customer if board is Board.CUSTOMERS else _product
        return [show(place, known[place.member], currency) for place in places if place.member in known]


def _customer(place: Place, total: totals.Total, currency: str) -> Entry:
    return {
        "rank": place.rank,
        "customer_id": place.member,
        "customer_name": total.name,
        "order_count": total.orders,
        "total_spent": money_number(Decimal(place.score).scaleb(-minor_digits(currency)), currency),
    }


def _product(place: Place, total: totals.Total, currency: str) -> Entry:
    return {
        "rank": place.rank,
        "product_sku": place.member,
        "product_name": total.name,
        "total_quantity": quantity_number(units_of(place.score)),
        "total_revenue": money_number(Decimal(total.revenue).scaleb(-4), currency),
        "order_count": total.orders,
    }
