"""A reconciliation as JSON for commands, the API and pages."""

from __future__ import annotations

from typing import Any

from orders_pipeline.base.amounts.money import json_money
from orders_pipeline.base.clock import to_datetime
from orders_pipeline.payouts.findings import Finding
from orders_pipeline.payouts.reconciling import Reconciliation

Document = dict[str, Any]


def reconciliation_document(found: Reconciliation) -> Document:
    """The whole result, with amounts as numbers."""
    return {
        "ok": found.ok,
        "reported_until": _time(found.reported_until),
        "bank_until": _time(found.bank_until),
        "differences": {
            currency: json_money(amount, currency) for currency, amount in sorted(found.differences.items())
        },
        "findings": [_finding(one) for one in found.problems],
        "fine": [_finding(one) for one in found.findings if one not in found.problems],
    }


def _finding(one: Finding) -> Document:
    return {
        "subject": one.subject,
        "state": one.state,
        "currency": one.currency,
        "count": one.number,
        "expected": json_money(one.ours, one.currency),
        "found": json_money(one.theirs, one.currency),
        "difference": json_money(one.theirs - one.ours, one.currency),
        "action": one.action,
        "examples": list(one.examples),
    }


def _time(microseconds: int | None) -> str | None:
    return None if microseconds is None else to_datetime(microseconds).isoformat(timespec="seconds")
