"""Later capture: orders are authorized, then captured or cancelled, or voided when their time is over."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import hypothesis.strategies as st
import pytest
from hypothesis import given
from sqlalchemy import true

from orders_pipeline.base.settings import PaymentCapture
from orders_pipeline.captures.publishing import publish_due_boards
from orders_pipeline.failed_work.cancel import not_cancelled
from orders_pipeline.failed_work.chosen import Chosen
from orders_pipeline.figures.leaderboards.boards import Board
from orders_pipeline.figures.published_figures import open_figures
from orders_pipeline.payments.gateway import (
    Authorized,
    Capture,
    CaptureDeclined,
    CaptureOutcome,
    CapturesOpenError,
    Outcome,
    Paid,
    PaymentGateway,
    Void,
    VoidFailed,
    VoidOutcome,
    refusal,
)
from tests.capture_bench import CaptureBench
from tests.import_bench import ImportBench, Line, many_orders
from tests.refund_bench import RefundBench, asked
from tests.stores import open_test_engine
from tests.sweeps import examples


@pytest.fixture
def captures(lone_bench: ImportBench) -> CaptureBench:
    return CaptureBench.on(lone_bench)


@pytest.fixture
def everywhere(bench: ImportBench) -> CaptureBench:
    return CaptureBench.on(bench)


def test_an_authorized_order_holds_its_stock_and_is_in_no_figure_until_it_is_captured(
    everywhere: CaptureBench,
) -> None:
    bench = everywhere.bench
    bench.stock(MOUSE=20)
    report = bench.import_lines(*many_orders(3), Line("n3"))
    assert (report.statuses["authorized"], report.statuses["completed"], report.revenue) == (4, 0, {})
    assert bench.shelf()["MOUSE"] == (16, 4, 0)
    assert bench.rows("customer_totals") == []
    assert bench.broken_checks() == set()
    assert everywhere.capture("n0", "n1") == 2
    assert everywhere.settle() is None
    assert Counter(bench.statuses().values()) == {"completed": 2, "authorized": 2}
    assert bench.shelf()["MOUSE"] == (16, 2, 2)
    assert bench.broken_checks() == set()
    assert everywhere.statuses() == {"captured": 2, "open": 2}


def test_a_file_is_captured_by_its_key_and_the_rest_together(everywhere: CaptureBench) -> None:
    bench = everywhere.bench
    bench.set(transaction_orders=3)
    first = bench.import_lines(*many_orders(7, "a"), name="a.csv").partition
    bench.import_lines(*many_orders(4, "b"), name="b.csv")
    assert everywhere.capture(key=first) == 7
    everywhere.settle()
    assert Counter(bench.statuses().values()) == {"completed": 7, "authorized": 4}
    assert everywhere.capture() == 4
    everywhere.settle()
    assert set(bench.statuses().values()) == {"completed"}
    assert bench.broken_checks() == set()


def test_a_capture_that_is_declined_ends_the_order_and_its_next_attempt_may_be_captured(
    everywhere: CaptureBench,
) -> None:
    bench = everywhere.bench
    bench.stock(MOUSE=50)
    bench.set(capture_success_rate=0.5)
    bench.import_lines(*many_orders(20))
    everywhere.capture()
    everywhere.settle()
    statuses = Counter(bench.statuses().values())
    assert statuses["completed"] + statuses["rollback"] == 20
    assert bench.shelf()["MOUSE"] == (50 - statuses["completed"], 0, statuses["completed"])
    assert bench.broken_checks() == set()
    declined = [number for number, status in bench.statuses().items() if status == "rollback"]
    (key,) = bench.retry(*declined)
    bench.settle(key)
    everywhere.capture(*declined)
    everywhere.settle()
    assert Counter(bench.statuses().values())["completed"] > statuses["completed"]
    assert bench.broken_checks() == set()


def test_a_cancelled_order_is_voided_and_its_units_go_back(everywhere: CaptureBench) -> None:
    bench = everywhere.bench
    bench.stock(MOUSE=5)
    bench.import_lines(*many_orders(3))
    everywhere.capture("n1")
    assert everywhere.cancel("n0", "n1") == 2
    assert everywhere.cancel("n0", "n1") == 0
    (left, _) = not_cancelled(bench.engine, Chosen(("n0", "n1")))
    assert left.was_cancelled
    assert everywhere.settle() is None
    assert bench.statuses() == {"n0": "rollback", "n1": "rollback", "n2": "authorized"}
    assert bench.shelf()["MOUSE"] == (4, 1, 0)
    assert everywhere.capture("n0") == 0
    assert bench.broken_checks() == set()
    bench.settle(bench.retry("n0").popitem()[0])
    assert bench.statuses()["n0"] == "authorized"
    assert bench.broken_checks() == set()


def test_what_nobody_captures_in_time_is_voided_once_and_captures_asked_for_are_not(
    everywhere: CaptureBench,
) -> None:
    bench = everywhere.bench
    bench.import_lines(*many_orders(3))
    everywhere.let_pass(hours=95)
    assert everywhere.void_overdue() == 0
    everywhere.let_pass(hours=2)
    everywhere.capture("n0")
    assert (everywhere.void_overdue(), everywhere.void_overdue()) == (2, 0)
    everywhere.settle()
    assert bench.statuses() == {"n0": "completed", "n1": "rollback", "n2": "rollback"}
    assert {row[2:4] for row in bench.rows("failures")} == {("not_captured", "not captured within 96 hours")}
    assert bench.broken_checks() == set()


def test_the_setting_holds_for_orders_that_are_charged_from_then_on(
    captures: CaptureBench,
) -> None:
    bench = captures.bench
    bench.import_lines(Line("n0"))
    bench.set(payment_capture=PaymentCapture.AT_CHARGE)
    report = bench.import_lines(Line("n1"), name="other.csv")
    assert "authorized" not in report.statuses
    assert bench.statuses() == {"n0": "authorized", "n1": "completed"}


def test_captured_money_can_be_refunded_and_held_money_cannot(captures: CaptureBench) -> None:
    bench = captures.bench
    bench.import_lines(*many_orders(2))
    captures.capture("n0")
    captures.settle()
    refunds = RefundBench(bench)
    assert refunds.refused(asked("n1")) == "not_completed"
    refunds.refund(asked("n0"))
    assert refunds.refused(asked("n0")) == "refund_exceeds_captured"
    assert bench.broken_checks() == set()


def test_the_day_of_the_order_is_due_and_the_leaderboards_follow_once_it_is_captured(
    captures: CaptureBench, redis_url: str
) -> None:
    bench, settings = captures.bench, captures.bench.settings
    day = date(2025, 11, 10)
    with open_figures(
        bench.engine, settings.warehouse, redis_url, settings.currency, settings.zone
    ) as figures:
        bench.import_lines(*many_orders(3))
        figures.refresh_dirty_days()
        assert figures.kpis.daily_kpis(day, "USD")["order_count"] == 0
        assert figures.boards.top(Board.CUSTOMERS, 10, "USD") == []
        captures.capture("n0", "n1")
        captures.settle()
        assert publish_due_boards(bench.engine, figures.boards, true()) == 2
        assert publish_due_boards(bench.engine, figures.boards, true()) == 0
        figures.refresh_dirty_days()
        assert figures.kpis.daily_kpis(day, "USD")["order_count"] == 2
        assert [one["order_count"] for one in figures.boards.top(Board.CUSTOMERS, 10, "USD")] == [2]
    assert bench.broken_checks() == set()


@dataclass(slots=True)
class Odd:
    """A gateway that refuses, or does not answer, as the test wants."""

    inner: PaymentGateway
    refuses: str = ""
    silent: bool = False
    holds_paid: bool = False
    asked: list[Capture | Void] = field(default_factory=list)

    async def capture(self, captures: Sequence[Capture]) -> AsyncGenerator[Sequence[CaptureOutcome], None]:
        self.asked += captures
        if self.silent:
            raise CapturesOpenError(len(captures), len(captures))
        if self.refuses:
            yield [CaptureDeclined(one, refusal(self.refuses)) for one in captures]
            return
        async for group in self.inner.capture(captures):
            yield group

    async def void(self, voids: Sequence[Void]) -> AsyncGenerator[Sequence[VoidOutcome], None]:
        self.asked += voids
        if self.refuses:
            yield [VoidFailed(one, refusal(self.refuses)) for one in voids]
            return
        async for group in self.inner.void(voids):
            yield group

    def holds(self, outcome: Outcome) -> bool:
        # The whole journal of a provider would be read for a decline.
        assert isinstance(outcome, Paid | Authorized)
        return isinstance(outcome, Paid) is self.holds_paid


def test_a_refused_void_changes_nothing_and_is_asked_for_again_an_hour_later(captures: CaptureBench) -> None:
    bench = captures.bench
    bench.import_lines(Line("n0"))
    captures.let_pass(hours=97)
    captures.void_overdue()
    odd = Odd(bench.gateway, refuses="not_allowed: no")
    assert captures.settle(odd) is None
    assert bench.statuses() == {"n0": "authorized"}
    assert (captures.one("n0")["status"], captures.one("n0")["failure"]) == (
        "open",
        "refused: not_allowed: no",
    )
    assert captures.void_overdue() == 0
    captures.let_pass(hours=1)
    assert captures.void_overdue() == 1
    odd.refuses = ""
    captures.settle(odd)
    assert bench.statuses() == {"n0": "rollback"}
    assert len({one.key for one in odd.asked}) == 2
    assert bench.broken_checks() == set()


def test_a_refused_void_of_money_that_was_captured_there_completes_the_order(captures: CaptureBench) -> None:
    bench = captures.bench
    bench.import_lines(Line("n0"))
    captures.cancel("n0")
    captures.settle(Odd(bench.gateway, refuses="charge_already_captured: it is", holds_paid=True))
    assert bench.statuses() == {"n0": "completed"}
    assert bench.broken_checks() == set()


def test_an_unknown_outcome_is_looked_up_under_the_same_key(captures: CaptureBench) -> None:
    bench = captures.bench
    bench.import_lines(*many_orders(2))
    captures.capture()
    odd = Odd(bench.gateway, silent=True)
    assert captures.settle(odd, tries=2) is not None
    assert captures.statuses() == {"processing": 2}
    assert captures.cancel("n0") == 0
    assert [one.reason for one in not_cancelled(bench.engine, Chosen(("n0",)))] == ["it is being captured"]
    assert bench.broken_checks() == set()
    odd.silent = False
    assert captures.settle(odd) is None
    assert [one.asked_before for one in odd.asked] == [False, False, True, True, True, True]
    assert len({one.key for one in odd.asked}) == 2
    assert set(bench.statuses().values()) == {"completed"}


def test_captures_cancels_and_retries_at_the_same_time_end_each_order_once(
    everywhere: CaptureBench,
) -> None:
    bench = everywhere.bench
    bench.stock(MOUSE=100)
    bench.set(transaction_orders=5)
    bench.import_lines(*many_orders(30))
    numbers = [f"n{number}" for number in range(30)]

    def capture_all(racing: ImportBench) -> None:
        own = CaptureBench(racing)
        for number in numbers:
            own.capture(number)
        own.settle()

    def cancel_all(racing: ImportBench) -> None:
        own = CaptureBench(racing)
        for number in reversed(numbers):
            own.cancel(number)
        own.settle()

    bench.race(capture_all, cancel_all, lambda racing: CaptureBench(racing).settle())
    everywhere.settle()
    statuses = Counter(bench.statuses().values())
    assert statuses["completed"] + statuses["rollback"] == 30
    assert bench.shelf()["MOUSE"] == (100 - statuses["completed"], 0, statuses["completed"])
    assert bench.broken_checks() == set()


ACTIONS = st.one_of(
    st.tuples(st.sampled_from(["capture", "cancel", "retry"]), st.integers(0, 4)),
    st.tuples(st.sampled_from(["settle", "die", "let_pass", "void_overdue"]), st.just(0)),
)


@given(actions=st.lists(ACTIONS, min_size=8, max_size=16), luck=st.sampled_from([0.5, 1.0]))
@examples(8)
def test_whatever_is_asked_for_in_any_order_all_invariants_hold(
    actions: list[tuple[str, int]], luck: float
) -> None:
    with TemporaryDirectory() as folder:
        engine = open_test_engine(f"sqlite:///{folder}/orders.db")
        captures = CaptureBench.on(ImportBench.at(engine, Path(folder)), capture_success_rate=luck)
        captures.bench.stock(MOUSE=20)
        captures.bench.import_lines(*many_orders(5))
        for action, number in actions:
            do(captures, action, f"n{number}")
        captures.settle()
        assert captures.statuses().keys() <= {"open", "captured", "voided", "declined"}
        assert captures.bench.broken_checks() == set()
        engine.dispose()


def do(captures: CaptureBench, action: str, number: str) -> None:
    match action:
        case "capture":
            captures.capture(number)
        case "cancel":
            captures.cancel(number)
        case "retry":
            for key in captures.bench.retry(number):
                captures.bench.settle(key)
        case "settle":
            captures.settle()
        case "die":
            captures.die_before_asking()
        case "let_pass":
            captures.let_pass(hours=50)
        case "void_overdue":
            captures.void_overdue()
