"""Actions of operators on the orders of a settled file: once undisturbed, and once under faults.

Each request has a key, each refund that fails is tried again, and other actions name their orders. So the
orders come to the same end, however often the commands are killed and repeated.
"""

from __future__ import annotations

import csv
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from threading import Thread
from zlib import crc32

import httpx
from sqlalchemy import ColumnElement, Engine, Select, func, select
from sqlalchemy.exc import DBAPIError

from orders_pipeline.base.model import FailureReason, OrderStatus, RefundKind, RefundStatus
from orders_pipeline.captures.request import request_captures
from orders_pipeline.failed_work.cancel import cancel_orders
from orders_pipeline.failed_work.chosen import Chosen
from orders_pipeline.refunds.actions import RefundAction, act
from orders_pipeline.refunds.requests.asked import LineAsked, RefundAsked
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import authorizations, failures, imports, orders, refunds
from orders_pipeline.store.statements.order_sets import of_current_attempt
from tests.capture_bench import CaptureBench
from tests.chaos.home import ChaosHome, CommandFailedError
from tests.chaos.workload import will_be_paid
from tests.import_bench import ImportBench
from tests.refund_bench import ADA, EVE, RefundBench

CANCELLED, RETRIED, BY_AMOUNT, BY_LINE, WHOLE, DISPUTED = 5, 5, 10, 10, 8, 4
SMALLEST_TOTAL = 500
AGAIN_AFTER_SECONDS, STEP_HUNG_AFTER_SECONDS = 1.0, 300.0
REPEATED = (409, 429)
UNSETTLED = (RefundStatus.PENDING, RefundStatus.PROCESSING, RefundStatus.FAILED)


class NotYetError(Exception):
    """A request is not settled yet, or was not received."""


@dataclass(frozen=True, slots=True)
class Actions:
    """The actions on the orders of one file.

    Attributes:
        name: beginning of the keys of requests.
        key: the file's partition key.
        captured: whether its authorized orders are captured.
        cancelled: numbers of authorized orders, whose money is released.
        retried: numbers of declined orders that are paid when they are tried again.
        asked: refunds and disputes.
    """

    name: str
    key: str
    captured: bool
    cancelled: tuple[str, ...]
    retried: tuple[str, ...]
    asked: tuple[RefundAsked, ...]


def act_undisturbed(bench: ImportBench, name: str, key: str, draw: random.Random, captured: bool) -> Actions:
    """Draws the actions for the orders of a settled file, and carries them out on a bench."""
    cancelled: tuple[str, ...] = ()
    if captured:
        cancelled = _sample(draw, _numbers(bench.engine, key, OrderStatus.AUTHORIZED), CANCELLED)
        size = bench.settings.transaction_orders
        cancel_orders(bench.engine, Chosen(cancelled), name, size, ADA)
        chosen = Chosen(key=key)
        request_captures(bench.engine, chosen.to_capture(), chosen.selection(), ADA)
        CaptureBench(bench).settle()
    asked = _requests(bench.engine, name, key, draw)
    back = RefundBench(bench)
    back.refund(*asked)
    decide_waiting(bench.engine)
    back.settle()
    win_disputes(bench.engine, name)
    retried = _sample(draw, [one for one in _declined(bench.engine, key) if will_be_paid(one, 2)], RETRIED)
    bench.retry(*retried)
    bench.settle(key)
    return Actions(name, key, captured, cancelled, retried, asked)


def decide_waiting(engine: Engine) -> None:
    """Another operator approves some of the refunds that wait for approval, and cancels the others."""
    r = refunds.c
    waiting = r.needs_approval & r.approved_by.is_(None) & (r.status == RefundStatus.PENDING)
    with reading(engine) as connection:
        found = connection.execute(select(r.refund_id, r.request_key).where(waiting)).all()
    for refund_id, key in found:
        act(engine, RefundAction.APPROVE if _is_even(key) else RefundAction.CANCEL, [refund_id], EVE)


def win_disputes(engine: Engine, name: str) -> None:
    """Lets the shop win some disputes."""
    r = refunds.c
    lost = (r.kind == RefundKind.DISPUTE) & (r.status == RefundStatus.COMPLETED)
    with reading(engine) as connection:
        found = connection.execute(select(r.refund_id, r.request_key).where(lost)).all()
    won = [refund_id for refund_id, key in found if key.startswith(f"{name}-") and _is_even(key)]
    act(engine, RefundAction.REVERSE, won, EVE)


def _requests(engine: Engine, name: str, key: str, draw: random.Random) -> tuple[RefundAsked, ...]:
    chosen = _sample(
        draw,
        _numbers(engine, key, OrderStatus.COMPLETED, orders.c.total >= SMALLEST_TOTAL),
        BY_AMOUNT + BY_LINE + WHOLE + DISPUTED,
    )
    numbers = iter(chosen)
    amounts = [number for number, _ in zip(numbers, range(BY_AMOUNT), strict=False)]
    # Two refunds by amount for each order, and one line of each of the next orders.
    asked = [
        RefundAsked(order=order, amount=Decimal(amount), key=f"{name}-amounts/{at}", reason=name)
        for at, (order, amount) in enumerate(
            [(order, amount) for order in amounts for amount in ("0.75", "1.5")], start=1
        )
    ]
    lines = [number for number, _ in zip(numbers, range(BY_LINE), strict=False)]
    one = (LineAsked(1, Decimal(1)),)
    asked += [
        RefundAsked(order=order, lines=one, key=f"{name}-lines/{at}", reason=name)
        for at, order in enumerate(lines, start=1)
    ]
    wholes = [number for number, _ in zip(numbers, range(WHOLE), strict=False)]
    asked += [RefundAsked(order=order, key=f"{name}-whole/{order}", reason=name) for order in wholes]
    asked += [
        RefundAsked(
            order=order,
            kind=RefundKind.DISPUTE,
            amount=Decimal(2),
            key=f"{name}-dispute/{order}",
            reason=name,
        )
        for order in numbers
    ]
    return tuple(asked)


@dataclass(slots=True)
class Operators:
    """Does the same on a home in the background, with commands and over HTTP, until all has succeeded."""

    home: ChaosHome
    actions: Actions
    folder: Path
    problems: list[str] = field(default_factory=list)
    _thread: Thread | None = None

    def start(self) -> None:
        self._thread = Thread(target=self._work, name=self.actions.name, daemon=True)
        self._thread.start()

    @property
    def is_done(self) -> bool:
        return self._thread is not None and not self._thread.is_alive()

    def _work(self) -> None:
        try:
            self._take_steps()
        except Exception as error:  # noqa: BLE001 otherwise it would be lost with this thread
            self.problems.append(f"money back ended for {self.actions.name}: {error!r}")

    def _take_steps(self) -> None:
        for step in self._steps():
            began = time.monotonic()
            while (why := self._try(step)) is not None:
                if self._is_hung(began):
                    self.problems.append(f"money back hung for {self.actions.name}: {why}")
                    return
                time.sleep(AGAIN_AFTER_SECONDS)

    def _is_hung(self, began: float) -> bool:
        """Whether a step takes too long. Faults during the step may delay it."""
        return time.monotonic() - max(began, self.home.left_alone_at) > STEP_HUNG_AFTER_SECONDS

    def _try(self, step: Callable[[], None]) -> str | None:
        """Why a step did not succeed; None if it did."""
        with self.home.in_use:
            try:
                step()
            except (NotYetError, CommandFailedError, DBAPIError, httpx.HTTPError, OSError) as error:
                return f"{type(error).__name__}: {error}"
        return None

    def _steps(self) -> Sequence[Callable[[], None]]:
        of_captures = [self._cancel, self._capture, self._await_captures] if self.actions.captured else []
        asked = self.actions.asked
        by_file = [one for one in asked if one.amount is not None and one.kind is RefundKind.REFUND]
        by_line = [one for one in asked if one.lines]
        alone = [one for one in asked if one not in by_file and one not in by_line]
        return [
            *of_captures,
            lambda: self._ask_by_file("amounts", by_file),
            lambda: self._ask_by_file("lines", by_line),
            *(lambda one=one: self._ask_over_http(one) for one in alone),  # type: ignore[misc]
            lambda: decide_waiting(self.home.engine),
            lambda: win_disputes(self.home.engine, self.actions.name),
            self._retry_orders,
            self._retry_refunds,
        ]

    def _cancel(self) -> None:
        if self.actions.cancelled:
            self.home.command("cancel", *self.actions.cancelled, "--because", self.actions.name)

    def _capture(self) -> None:
        self.home.command("capture", "--file", self.actions.key)

    def _await_captures(self) -> None:
        a = authorizations.c
        asked = a.wanted.is_not(None) & a.settled_at.is_(None)
        of_file = select(func.count()).select_from(authorizations.join(orders, orders.c.id == a.order_id))
        with reading(self.home.engine) as connection:
            query = of_file.where(asked, orders.c.import_id.in_(_import_of(self.actions.key)))
            if left := connection.execute(query).scalar_one():
                raise NotYetError(f"{left} captures or voids are open")

    def _ask_by_file(self, what: str, asked: Sequence[RefundAsked]) -> None:
        file = self.folder / f"{self.actions.name}-{what}.csv"
        with file.open("w", encoding="utf-8", newline="") as target:
            rows = csv.writer(target)
            rows.writerow(("order", "amount", "reason") if what == "amounts" else HEADER_OF_LINES)
            rows.writerows(_row(one) for one in asked)
        report = self.home.command("refund", "--file", str(file), "--key", f"{self.actions.name}-{what}")
        self.problems += [f"refund refused: {reject}" for reject in report["rejects"]]

    def _ask_over_http(self, asked: RefundAsked) -> None:
        body = {"order": asked.order, "reason": asked.reason, "kind": asked.kind}
        body |= {} if asked.amount is None else {"amount": str(asked.amount)}
        answered = self.home.post("/api/refunds", body, asked.key or "")
        if answered.is_server_error or answered.status_code in REPEATED:
            raise NotYetError(f"HTTP {answered.status_code}")
        if not answered.is_success:
            self.problems.append(f"refund of {asked.order} refused: {answered.text}")

    def _retry_orders(self) -> None:
        if self.actions.retried:
            self.home.command("retry", *self.actions.retried)
        left = set(_declined(self.home.engine, self.actions.key)) & set(self.actions.retried)
        if left:
            raise NotYetError(f"{len(left)} orders are declined still")

    def _retry_refunds(self) -> None:
        r = refunds.c
        unsettled = (r.status.in_(UNSETTLED), r.kind == RefundKind.REFUND)
        query = select(r.status, func.count()).where(*unsettled).group_by(r.status)
        with reading(self.home.engine) as connection:
            left = dict(connection.execute(query).all())
        if RefundStatus.FAILED in left:
            self.home.command("refunds", "retry", "--all")
        if left:
            raise NotYetError(", ".join(f"{number} refunds are {status}" for status, number in left.items()))


HEADER_OF_LINES = ("order", "line", "quantity", "reason")


def _row(asked: RefundAsked) -> tuple[object, ...]:
    if asked.lines:
        (line,) = asked.lines
        return asked.order, line.line, line.quantity, asked.reason
    return asked.order, asked.amount, asked.reason


def _sample(draw: random.Random, of: Sequence[str], most: int) -> tuple[str, ...]:
    return tuple(draw.sample(of, min(most, len(of))))


def _is_even(key: str) -> bool:
    return crc32(key.encode()) % 2 == 0


def _numbers(
    engine: Engine, key: str, status: OrderStatus, *conditions: ColumnElement[bool]
) -> Sequence[str]:
    query = select(orders.c.number).where(
        orders.c.status == status, orders.c.import_id.in_(_import_of(key)), *conditions
    )
    with reading(engine) as connection:
        return connection.execute(query.order_by(orders.c.number)).scalars().all()


def _declined(engine: Engine, key: str) -> Sequence[str]:
    """Numbers of the orders whose first payment was declined."""
    query = (
        select(orders.c.number)
        .join(failures, of_current_attempt(failures))
        .where(orders.c.import_id.in_(_import_of(key)), orders.c.attempt == 1)
        .where(orders.c.status == OrderStatus.ROLLBACK, failures.c.reason == FailureReason.DECLINED)
    )
    with reading(engine) as connection:
        return connection.execute(query.order_by(orders.c.number)).scalars().all()


def _import_of(key: str) -> Select[tuple[int]]:
    return select(imports.c.id).where(imports.c.partition_key == key)
