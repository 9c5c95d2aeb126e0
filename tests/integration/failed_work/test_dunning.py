"""Payments that were declined for a temporary reason are retried automatically."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from orders_pipeline.access.audit import ActionFilter, list_actions
from orders_pipeline.base.settings import Settings
from orders_pipeline.failed_work.dunning import ACTOR, any_due, due_again, retry_due
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import failures
from tests.import_bench import ImportBench, many_orders

HOUR_US = 3_600_000_000
SOFT = ["insufficient_funds", "do_not_honor"]


@pytest.fixture
def declined(bench: ImportBench) -> ImportBench:
    """Twenty declined orders: for lack of funds, or because of the card."""
    bench.set(payment_success_rate=0)
    bench.settle(bench.stage(bench.write(*many_orders(20))))
    return bench


def soft_orders(bench: ImportBench) -> int:
    with reading(bench.engine) as connection:
        return len(connection.execute(select(failures).where(failures.c.detail.in_(SOFT))).all())


def let_pass(bench: ImportBench, hours: float) -> None:
    with bench.engine.begin() as connection:
        connection.execute(update(failures).values(failed_at=failures.c.failed_at - int(hours * HOUR_US)))


def retry(bench: ImportBench, hours: list[float]) -> int:
    return retry_due(bench.engine, due_again(hours, SOFT), bench.settings.transaction_orders)


def test_only_passing_reasons_are_retried_and_only_when_they_are_due(declined: ImportBench) -> None:
    soft = soft_orders(declined)
    assert 0 < soft < 20
    assert retry(declined, [24]) == 0
    let_pass(declined, 24)
    assert any_due(declined.engine, due_again([24], SOFT))
    assert retry(declined, [24]) == soft
    assert retry(declined, [24]) == 0
    with reading(declined.engine) as connection:
        (audited,) = list_actions(connection, ActionFilter(actor=ACTOR))
    assert (audited.action, audited.detail["found"]) == ("orders.retry", soft)
    declined.set(payment_success_rate=1)
    (key,) = declined.keys().values()
    assert declined.settle(key).statuses["completed"] == soft
    assert declined.broken_checks() == set()


def test_each_attempt_has_its_own_wait_and_the_last_one_is_the_last(declined: ImportBench) -> None:
    (key,) = declined.keys().values()
    let_pass(declined, 2)
    assert retry(declined, [1, 48]) > 0
    declined.settle(key)
    let_pass(declined, 47)
    assert retry(declined, [1, 48]) == 0
    let_pass(declined, 1)
    assert retry(declined, [1, 48]) > 0
    declined.settle(key)
    let_pass(declined, 49)
    assert not any_due(declined.engine, due_again([1, 48], SOFT))


def test_what_is_overdue_for_more_than_a_week_is_left_to_people(declined: ImportBench) -> None:
    let_pass(declined, 24 * 9)
    assert retry(declined, [24]) == 0


@pytest.mark.parametrize("value", ["soon", "-1", "24,,x", "999999"])
def test_hours_that_are_no_hours_are_refused(value: str) -> None:
    with pytest.raises(ValueError, match="not a number of hours"):
        Settings(dunning_hours=value)
