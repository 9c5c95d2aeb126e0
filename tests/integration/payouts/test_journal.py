"""The journal balances in each currency, and its accounts agree with bank and provider."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date
from decimal import Decimal

import pytest
from pydantic import ValidationError
from sqlalchemy import func, select

from benchmarks.made_up_payouts import make_up
from orders_pipeline.base.settings import Settings, accounts_by_name
from orders_pipeline.exports.datasets import Dataset, Wanted, export_rows
from orders_pipeline.exports.journal import journal_rows
from orders_pipeline.payouts.importing import import_file
from orders_pipeline.payouts.journal import journal
from orders_pipeline.payouts.periods import Period
from orders_pipeline.payouts.reading import read_file
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import payout_lines
from tests.import_bench import ImportBench

ACCOUNTS = accounts_by_name("bank=1200,sales=8400")
ALL = Period(None, None, UTC, 7)


@pytest.fixture
def filled(bench: ImportBench) -> ImportBench:
    with bench.engine.begin() as connection:
        made = make_up(connection, bench.folder, 500, seed=7)
    for file in (made.report, *made.statements):
        import_file(bench.engine, read_file(file, UTC, None), "test")
    return bench


def balances(bench: ImportBench, period: Period = ALL) -> Counter[tuple[str, str]]:
    """Debit minus credit by currency and account."""
    sums: Counter[tuple[str, str]] = Counter()
    with reading(bench.engine) as connection:
        for line in journal(connection, period, ACCOUNTS):
            sums[line.currency, line.account] += (line.debit or 0) - (line.credit or 0)
    return sums


@pytest.mark.parametrize(
    "period",
    [ALL, Period(date(2025, 10, 5), date(2025, 10, 9), UTC, 7), Period(date(2025, 10, 20), None, UTC, 7)],
)
def test_the_journal_balances_to_zero_in_each_currency_of_any_range(
    filled: ImportBench, period: Period
) -> None:
    sums: Counter[str] = Counter()
    for (currency, _), amount in balances(filled, period).items():
        sums[currency] += amount
    assert sums == {"USD": 0, "EUR": 0}


def test_its_accounts_agree_with_the_reports_and_the_payouts(filled: ImportBench) -> None:
    sums = balances(filled)
    line = payout_lines.c
    query = select(line.currency, func.sum(line.fee), func.sum(line.net)).group_by(line.currency)
    with reading(filled.engine) as connection:
        for currency, fees, net in connection.execute(query):
            assert sums[currency, "payment fees"] == fees
            # All lines are paid out, and a payout is the sum of its lines.
            assert sums[currency, "cash in transit"] + sums[currency, "1200"] == net


def test_its_rows_are_debits_and_credits_in_decimals(filled: ImportBench) -> None:
    with reading(filled.engine) as connection:
        debit, credit, *_ = journal_rows(connection, ALL, ACCOUNTS, "EUR")
    assert (debit[1], credit[1]) == ("payment provider", "8400")
    assert isinstance(debit[2], Decimal)
    assert (debit[2], debit[3]) == (credit[3], credit[2])
    assert debit[4:] == credit[4:]
    assert debit[4] == "EUR"


def test_exports_name_the_order_and_the_fee_of_each_line(filled: ImportBench) -> None:
    rows = list(export_rows(filled.engine, filled.settings.warehouse, Dataset.PAYOUT_LINES, Wanted()))
    named = {(row[0], row[4]): row[8] for row in rows}
    assert any(number and kind == "charge" and fee > 0 for (number, kind), fee in named.items())
    paid = list(
        export_rows(filled.engine, filled.settings.warehouse, Dataset.PAYOUTS, Wanted(currency="USD"))
    )
    assert sum(row[6] for row in paid) == sum(row[9] for row in rows if row[10] == "USD")


def test_an_account_that_nothing_is_booked_on_is_refused() -> None:
    with pytest.raises(ValidationError, match="NAME=ACCOUNT"):
        Settings(journal_accounts="cash=1000")
