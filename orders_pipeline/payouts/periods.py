"""The period of a reconciliation, and the parameters and SQL that all its queries need."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta, tzinfo

from sqlalchemy import Connection, func, select

from orders_pipeline.base.clock import duration_us, end_of_day, now_us, start_of_day
from orders_pipeline.base.files.package_files import package_text
from orders_pipeline.base.model import MovementKind
from orders_pipeline.store.schema import bank_coverage, payout_lines

FOREVER = 2**62
NONE_YET = -1
# An account whose newest line is this much older than that of another one is no longer in use.
IN_USE_FOR = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Period:
    """The days that are reconciled.

    Attributes:
        first: first day of payments, refunds and payouts; None: the first day of the first report.
        last: last day, included; None: today.
        zone: time zone of the days.
        days: number of days after which a payment must be in a report, and a payout at the bank.
    """

    first: date | None
    last: date | None
    zone: tzinfo
    days: int


def bounds_of(connection: Connection, period: Period, *, always: bool = False) -> dict[str, int]:
    """Returns the values of the SQL's parameters.

    Args:
        always: whether a period without a first day starts with the first order, not with the first report.
    """
    line = payout_lines.c
    first_reported = connection.execute(select(func.min(line.booked_at))).scalar_one()
    bank_covered = connection.execute(select(func.max(bank_coverage.c.last_at))).scalar_one()
    beginning = 0 if always else first_reported
    first = start_of_day(period.first, period.zone) if period.first else beginning
    return {
        "first": FOREVER if first is None else first,
        "last": end_of_day(period.last, period.zone) if period.last else FOREVER,
        "everything": int(period.first is None and period.last is None),
        "window": duration_us(timedelta(days=period.days)),
        "day": duration_us(timedelta(days=1)),
        "now": now_us(),
        "covered": _reported_until(connection),
        "bank_covered": NONE_YET if bank_covered is None else bank_covered,
    }


def _reported_until(connection: Connection) -> int:
    """The time until which the reports of all accounts in use have lines, in microseconds since 1970.

    The store does not know through which account a payment went. Payouts are left out, because a report may
    have nothing else.
    """
    line = payout_lines.c
    of_accounts = select(func.max(line.booked_at)).where(line.kind != MovementKind.PAYOUT)
    newest = connection.scalars(of_accounts.group_by(line.provider, line.account)).all()
    in_use_since = max(newest, default=NONE_YET) - duration_us(IN_USE_FOR)
    return min((one for one in newest if one >= in_use_since), default=NONE_YET)


def sql_of(*names: str) -> str:
    """Returns the texts of SQL files, joined to one statement."""
    return "\n".join(package_text("orders_pipeline.payouts", f"sql/{name}.sql") for name in names)
