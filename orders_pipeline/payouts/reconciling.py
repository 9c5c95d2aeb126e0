"""Compares the store with the reports of providers, and the reports with the bank statements."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, func, select, text

from orders_pipeline.base.amounts.money import json_money
from orders_pipeline.base.clock import to_datetime
from orders_pipeline.payouts.findings import FINE, MOVEMENTS, Finding, State, Subject
from orders_pipeline.payouts.periods import NONE_YET, Period, bounds_of, sql_of
from orders_pipeline.store.schema import payout_lines
from orders_pipeline.store.statements.planner import join_all_by_hash

QUERIES = (("movements",), ("payout_ties", "payouts"))
MONEY = {"ours": "expected", "theirs": "found"}
LEFT_OUT = (*MONEY, "subject", "state", "currency", "number", "sum_ours", "sum_theirs", "place")


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The result: all findings, including those without a problem."""

    reported_until: int | None
    bank_until: int | None
    findings: Sequence[Finding]
    differences: Mapping[str, int]

    @property
    def problems(self) -> list[Finding]:
        """The findings that need action, the worst first."""
        states = list(State)
        bad = [one for one in self.findings if one.state not in FINE]
        return sorted(bad, key=lambda one: states.index(one.state))

    @property
    def ok(self) -> bool:
        """Whether each side of every comparison has its counterpart, or is not due yet."""
        return not self.problems


def reconcile(connection: Connection, period: Period, examples: int = 5) -> Reconciliation:
    """Compares everything of a period, in two statements.

    Args:
        examples: number of examples to list for each kind of finding.
    """
    bound = bounds_of(connection, period)
    join_all_by_hash(connection)
    findings = [
        finding
        for names in QUERIES
        for finding in _findings(
            connection, names, bound | {"examples": max(examples, 1)}, period.zone, examples
        )
    ]
    until = [None if bound[name] == NONE_YET else bound[name] for name in ("covered", "bank_covered")]
    return Reconciliation(until[0], until[1], findings, _differences(connection, findings, period))


def _findings(
    connection: Connection, names: Sequence[str], bound: Mapping[str, int], zone: tzinfo, examples: int
) -> Iterator[Finding]:
    rows = connection.execute(text(sql_of(*names)), bound).mappings()
    for (currency, subject, state), group in groupby(
        rows, lambda row: (row["currency"], row["subject"], row["state"])
    ):
        listed = [dict(row) for row in group]
        shown = [] if state == State.OK else [_example(row, zone) for row in listed[:examples]]
        first = listed[0]
        sums = int(first["sum_ours"]), int(first["sum_theirs"])
        yield Finding(Subject(subject), State(state), currency, int(first["number"]), *sums, shown)


def _example(row: Mapping[str, Any], zone: tzinfo) -> dict[str, Any]:
    """Returns a row as a document for people, without the columns that have no value."""
    shown: dict[str, Any] = {
        name: value for name, value in row.items() if name not in LEFT_OUT and value is not None
    }
    for name, shown_as in MONEY.items():
        shown[shown_as] = json_money(int(row[name]), row["currency"])
    shown["at"] = to_datetime(row["at"]).astimezone(zone).isoformat(timespec="seconds")
    return shown


def _differences(connection: Connection, findings: Iterable[Finding], period: Period) -> dict[str, int]:
    """Returns the sum that the findings do not explain, by currency: 0 if each line is in one of them.

    All lines of reports are added up without any matching, so this works only without a first or last day.
    """
    if period.first or period.last:
        return {}
    left: dict[str, int] = {}
    for one in findings:
        if one.subject in MOVEMENTS:
            sign = 1 if one.subject is Subject.PAYMENT else -1
            left[one.currency] = left.get(one.currency, 0) - sign * one.theirs
    line = payout_lines.c
    kinds = ("charge", "refund", "refund_reversed", "dispute", "dispute_reversed")
    sums = select(line.amount_currency, func.sum(line.amount)).where(line.kind.in_(kinds))
    for currency, amount in connection.execute(sums.group_by(line.amount_currency)):
        left[currency] = left.get(currency, 0) + int(amount)
    return left
