"""The audit trail: every action of an operator, recorded in the transaction that carries it out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, insert, select, update

from orders_pipeline.base.amounts.money import decimal_string
from orders_pipeline.base.clock import now_us, to_datetime
from orders_pipeline.store.schema import home, operator_actions


@dataclass(frozen=True, slots=True)
class OperatorAction:
    """An action of an operator.

    Args:
        at: microseconds since 1970.
        actor: `cli:USER`, `user:NAME`, `key:NAME`, or the part of the pipeline that acted on its own.
        action: such as `orders.retry`.
        target: what was acted on, where that is one thing.
    """

    id: int
    at: int
    actor: str
    action: str
    target: str
    detail: dict[str, Any]

    @property
    def shown_detail(self) -> dict[str, Any]:
        """The detail with its amount as a decimal string; refunds store theirs in minor units."""
        amount, currency = self.detail.get("amount"), self.detail.get("currency")
        if isinstance(amount, int) and currency:
            return {**self.detail, "amount": decimal_string(amount, currency)}
        return self.detail


@dataclass(frozen=True, slots=True)
class ActionFilter:
    """Conditions for listing actions. `action` matches the beginning: `orders` finds `orders.retry`.

    Args:
        since: microseconds since 1970.
        before: id of an action; only older ones.
    """

    actor: str | None = None
    action: str | None = None
    target: str | None = None
    since: int | None = None
    before: int | None = None


def action_document(action: OperatorAction) -> dict[str, Any]:
    """An action as commands and the API show it."""
    return {**asdict(action), "at": to_datetime(action.at).isoformat(), "detail": action.shown_detail}


def is_same_person(actor: str, other: str) -> bool:
    """Whether two actors are one: the same key, or a person with this name here and on the machine."""
    return actor == other or _person(actor) == _person(other) is not None


def _person(actor: str) -> str | None:
    kind, _, name = actor.partition(":")
    return name.lower() if kind in ("cli", "user") else None


def record_action(connection: Connection, actor: str, action: str, target: str = "", **detail: Any) -> None:
    """Records an action. The detail is stored as JSON: no secrets, no customer data.

    Call it after the action's changes: it locks the row of the home, and a transaction that waits for another
    row while it holds that lock could deadlock with an import.
    """
    values = {"at": now_us(), "actor": actor, "action": action, "target": target, "detail": detail}
    connection.execute(insert(operator_actions).values(values))
    connection.execute(update(home).values(actions_recorded=home.c.actions_recorded + 1))


def list_actions(
    connection: Connection, wanted: ActionFilter | None = None, limit: int = 100
) -> list[OperatorAction]:
    """The actions that meet the conditions, newest first."""
    wanted = wanted or ActionFilter()
    table = operator_actions.c
    query = select(operator_actions).order_by(table.id.desc()).limit(limit)
    if wanted.actor is not None:
        query = query.where(table.actor == wanted.actor)
    if wanted.action is not None:
        query = query.where(table.action.startswith(wanted.action, autoescape=True))
    if wanted.target is not None:
        query = query.where(table.target == wanted.target)
    if wanted.since is not None:
        query = query.where(table.at >= wanted.since)
    if wanted.before is not None:
        query = query.where(table.id < wanted.before)
    return [OperatorAction(**row) for row in connection.execute(query).mappings()]
