"""Updates the leaderboards after orders were captured.

The transaction that completes an order marks it as due for publication. If a process is killed before it has
updated Redis, the mark remains, and a later run publishes the order.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Engine, false, select, update

from orders_pipeline.figures.leaderboards.leaderboards import Leaderboards
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import authorizations
from orders_pipeline.store.statements.many_values import among, parts
from orders_pipeline.store.statements.planner import by_keys


def publish_due_boards(engine: Engine, boards: Leaderboards, chosen: ColumnElement[bool]) -> int:
    """Publishes the customers and products of captured orders that are due; returns the number of orders.

    Args:
        chosen: condition on the table `authorizations`.
    """
    a = authorizations.c
    with reading(engine) as connection:
        found = list(connection.scalars(select(a.order_id).where(chosen, a.boards_due).order_by(a.order_id)))
    for ids in parts(found):
        boards.publish_orders(ids)
        published = update(authorizations).where(a.boards_due)
        with engine.begin() as connection, by_keys(connection):
            connection.execute(published.where(among(connection, a.order_id, ids)).values(boards_due=false()))
    return len(found)
