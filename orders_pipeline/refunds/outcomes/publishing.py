"""Updates the leaderboards after refunds were completed or undone.

The transaction that ends a refund marks it as due for publication. If a process is killed before it has
updated Redis, the mark remains, and a later run publishes the refund.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Engine, false, select, update

from orders_pipeline.figures.leaderboards.leaderboards import Leaderboards
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import refunds
from orders_pipeline.store.statements.many_values import among, parts
from orders_pipeline.store.statements.planner import by_keys


def publish_refunds_of(engine: Engine, boards: Leaderboards, actor: str) -> int:
    """Publishes the refunds that an actor requested and that are due; returns their number."""
    return publish_due_boards(engine, boards, refunds.c.requested_by == actor)


def publish_due_boards(engine: Engine, boards: Leaderboards, chosen: ColumnElement[bool]) -> int:
    """Publishes the customers and products of refunds that are due; returns the number of refunds.

    Args:
        chosen: condition on the table `refunds`.
    """
    r = refunds.c
    due = select(r.id, r.settled_at).where(chosen, r.boards_due).order_by(r.id)
    with reading(engine) as connection:
        found: dict[int, int] = dict(connection.execute(due).all())
    if not found:
        return 0
    boards.publish_refunds(list(found))
    # Thousands of outcomes are saved at once, so there are only few distinct times.
    for settled_at in sorted(set(found.values())):
        for ids in parts(refund for refund, settled in found.items() if settled == settled_at):
            _mark_published(engine, ids, settled_at)
    return len(found)


def _mark_published(engine: Engine, ids: Sequence[int], settled_at: int) -> None:
    with engine.begin() as connection, by_keys(connection):
        # A refund that was undone in the meantime has another time, and remains due.
        published = (among(connection, refunds.c.id, ids), refunds.c.settled_at == settled_at)
        connection.execute(update(refunds).where(*published).values(boards_due=false()))
