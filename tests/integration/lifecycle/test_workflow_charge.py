"""Charging a batch: the intent is stored first, each answer as it arrives; no order is charged twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from sqlalchemy import event, update
from sqlalchemy.exc import OperationalError

from orders_pipeline.base.clock import to_microseconds
from orders_pipeline.base.settings import SettingsError
from orders_pipeline.lifecycle.batch import BatchKey, batch_work, get_batch
from orders_pipeline.lifecycle.order_lifecycle import request_payment
from orders_pipeline.payments.backends.simulated import SimulatedGateway
from orders_pipeline.payments.gateway import Charge, Outcome
from orders_pipeline.store.engine import open_engine
from orders_pipeline.store.schema import home
from tests.import_bench import ImportBench, Line, many_orders


@dataclass(slots=True)
class Journal:
    """A gateway that keeps a journal, answers one by one, and stops after this number of answers."""

    gateway: SimulatedGateway
    breaks_after: int | None = None
    asked: Counter[str] = field(default_factory=Counter)

    async def charge(self, charges: Sequence[Charge]) -> AsyncGenerator[Sequence[Outcome], None]:
        for answered, charge in enumerate(charges):
            if answered == self.breaks_after:
                raise ConnectionError("the gateway is gone")
            self.asked[charge.key] += 1
            yield [self.gateway.outcome_of(charge)]

    def answers(self) -> bool:
        return True

    def holds(self, outcome: Outcome) -> bool:
        return self.gateway.holds(outcome)


def reserved(bench: ImportBench, *lines: Line) -> str:
    key = bench.parsed(*lines)
    bench.up_to("reserve", key)
    return key


def payment_states(bench: ImportBench) -> Counter[str]:
    return Counter(row[3] for row in bench.rows("payments"))


def test_a_paid_order_has_a_transaction_and_a_declined_one_a_reason(bench: ImportBench) -> None:
    bench.set(payment_success_rate=0.5)
    key = reserved(bench, *many_orders(40))
    answers = bench.step("charge", key)
    assert answers.paid > 0
    assert answers.declined > 0
    assert answers.paid + answers.declined == 40
    assert payment_states(bench) == {"succeeded": answers.paid, "declined": answers.declined}
    for row in bench.rows("payments"):
        assert (row[6] is not None, row[7] is not None) == (row[3] == "succeeded", row[3] == "declined")
    assert set(bench.statuses().values()) == {"payment_processing"}


def test_an_order_is_charged_exactly_its_total(bench: ImportBench) -> None:
    key = reserved(
        bench, Line("1", quantity=3, price="0.3333"), Line("2", price="0.0149"), Line("3", price="0.005")
    )
    bench.step("charge", key)
    assert [row[2] for row in sorted(bench.rows("payments"))] == [100, 1, 1]


def test_what_was_answered_before_the_gateway_broke_is_kept_and_the_rest_asked_again(
    bench: ImportBench,
) -> None:
    key = reserved(bench, *many_orders(10))
    journal = Journal(SimulatedGateway("a seed", 1, 0, 0), breaks_after=4)
    with pytest.raises(ConnectionError):
        bench.steps.charge(key, 1, journal)
    assert payment_states(bench) == {"succeeded": 4, "processing": 6}
    journal.breaks_after = None
    assert bench.steps.charge(key, 1, journal).paid == 10
    assert set(journal.asked.values()) == {1}


def test_a_charge_whose_answer_was_not_saved_is_asked_for_again_by_the_same_key(bench: ImportBench) -> None:
    key = reserved(bench, *many_orders(5))
    journal = Journal(SimulatedGateway("a seed", 0.5, 0, 0))
    broken = open_engine(bench.engine.url.render_as_string(hide_password=False))
    event.listen(broken, "before_cursor_execute", _fail_to_save)
    with pytest.raises(OperationalError):
        ImportBench(broken, bench.folder, bench.settings).steps.charge(key, 1, journal)
    broken.dispose()
    assert payment_states(bench) == {"processing": 5}
    bench.steps.charge(key, 1, journal)
    assert journal.asked["default/n0/1"] == 2
    bench.step("finalize", key)
    bench.step("roll_back", key)
    assert bench.steps.finish(key).orders["accepted"] == 5
    assert bench.broken_checks() == set()


def _fail_to_save(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
    if statement.startswith(("UPDATE payments", "CREATE TEMP TABLE incoming_payments")):
        raise OperationalError(statement, None, ConnectionError("the store is gone"))


def test_charging_twice_asks_the_gateway_once(bench: ImportBench) -> None:
    key = reserved(bench, *many_orders(10))
    journal = Journal(SimulatedGateway("a seed", 0.5, 0, 0))
    first = bench.steps.charge(key, 1, journal)
    before = bench.everything()
    assert bench.steps.charge(key, 1, journal) == first
    assert bench.everything() == before
    assert set(journal.asked.values()) == {1}


def test_keys_name_source_order_and_attempt_and_are_never_shared(bench: ImportBench) -> None:
    journal = Journal(SimulatedGateway("a seed", 1, 0, 0))
    for source, number in (("a/b", "c"), ("a", "b/c"), ("a", "b/c/1"), ("a/b", "c/1")):
        key = bench.parsed(Line(number), name=f"{len(journal.asked)}.csv", source=source)
        bench.up_to("reserve", key)
        bench.steps.charge(key, 1, journal)
    assert set(journal.asked.values()) == {1}
    assert len(journal.asked) == 4


def test_outcomes_depend_on_seed_and_order_and_not_on_the_store(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    outcomes = []
    for turn in range(2):
        folder = tmp_path_factory.mktemp(f"home{turn}")
        bench = ImportBench.at(open_engine(f"sqlite:///{folder / 'orders.db'}"), folder)
        bench.set(payment_success_rate=0.5)
        for extra in range(turn):
            bench.import_lines(*many_orders(3, f"before{extra}"), name=f"before{extra}.csv", source="other")
        bench.settle(bench.stage(bench.write(*many_orders(50))))
        statuses = bench.statuses()
        outcomes.append({number: status for number, status in statuses.items() if number.startswith("n")})
        bench.engine.dispose()
    assert outcomes[0] == outcomes[1]
    assert set(outcomes[0].values()) == {"completed", "rollback"}


def test_another_seed_than_that_of_the_stored_payments_is_refused(bench: ImportBench) -> None:
    bench.import_lines(Line("1"))
    bench.set(payment_seed="another seed")
    with pytest.raises(SettingsError, match="ORDERS_PAYMENT_SEED"):
        _ = bench.gateway


def test_a_store_that_breaks_with_charges_in_flight_is_what_the_error_tells(bench: ImportBench) -> None:
    key = reserved(bench, *many_orders(50))
    broken = open_engine(bench.engine.url.render_as_string(hide_password=False))
    event.listen(broken, "before_cursor_execute", _fail_to_save)
    bench.set(transaction_orders=5)
    with pytest.raises(OperationalError, match="the store is gone"):
        ImportBench(broken, bench.folder, bench.settings).steps.charge(
            key, 1, SimulatedGateway("a seed", 1, 0.0001, 0.2)
        )
    broken.dispose()
    assert bench.step("charge", key).paid == 50


OTHER_KIND = {"payment_url": "http://127.0.0.1:1"}


@pytest.mark.parametrize(("first", "then"), [({}, OTHER_KIND), (OTHER_KIND, {"payment_url": ""})])
def test_a_store_that_has_payments_keeps_its_kind_of_gateway(
    bench: ImportBench, first: dict[str, str], then: dict[str, str]
) -> None:
    key = reserved(bench, *many_orders(3))
    bench.set(payment_known_within=0.1, **first)
    with suppress(ConnectionError):
        bench.step("charge", key)
    before = bench.everything()
    bench.set(**then)
    with pytest.raises(SettingsError, match=r"ORDERS_PAYMENT_URL .* use another ORDERS_HOME"):
        bench.step("charge", key)
    assert bench.everything() == before


def test_a_store_without_payments_may_change_its_gateway(bench: ImportBench) -> None:
    key = reserved(bench, *many_orders(3))
    for url in ("http://127.0.0.1:1", ""):
        bench.set(payment_url=url)
        assert bench.gateway.answers() is not bool(url)
    assert bench.settle(key).statuses["completed"] == 3


def looked_up(bench: ImportBench, key: str) -> dict[str, bool]:
    """Which open charges are looked up before they are sent, by order number."""
    return {one.key.split("/")[1]: one.asked_before for one in bench.steps.request_payments(key, 1)}


def test_a_charge_is_looked_up_once_its_intent_was_stored_by_an_earlier_try(bench: ImportBench) -> None:
    bench.set(transaction_orders=2)
    key = reserved(bench, *many_orders(5))
    assert set(looked_up(bench, key).values()) == {False}
    assert set(looked_up(bench, key).values()) == {True}


def test_a_try_that_goes_on_where_an_earlier_one_broke_off_looks_up_its_part_only(bench: ImportBench) -> None:
    bench.set(transaction_orders=2)
    key = reserved(bench, *many_orders(4))
    batch = get_batch(bench.engine, BatchKey(1, 1))
    window = next(batch.windows(2))
    with bench.engine.begin() as connection, batch_work(connection, batch.key, window) as work:
        request_payment(work)
    assert looked_up(bench, key) == {"n0": True, "n1": True, "n2": False, "n3": False}


def test_a_retry_is_looked_up(bench: ImportBench) -> None:
    bench.set(payment_success_rate=0)
    key = bench.import_lines(*many_orders(2)).partition
    bench.retry("n0")
    bench.up_to("reserve", key)
    assert looked_up(bench, key) == {"n0": True}


def test_a_restored_store_looks_up_the_orders_placed_before_the_restore(bench: ImportBench) -> None:
    with bench.engine.begin() as connection:
        restored_at = to_microseconds(datetime(2025, 11, 20, tzinfo=UTC))
        connection.execute(update(home).values(restored_at=restored_at))
    dates = {"before": "2025-11-10 10:00:00", "same": "2025-11-20 10:00:00", "after": "2025-11-23 10:00:00"}
    key = reserved(bench, *(Line(number, date=date) for number, date in dates.items()))
    assert looked_up(bench, key) == {"before": True, "same": True, "after": False}
