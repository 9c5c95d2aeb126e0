"""Actions of operators and schedules, interrupted at any of their commits and repeated.

`make sweep` tries every commit, the tests try some, other ones on each kind of store.
To the order store, a process that is killed before or after a commit is one whose connection breaks there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import update

from orders_pipeline.base.clock import now_us
from orders_pipeline.failed_work.cancel import cancel_orders
from orders_pipeline.failed_work.chosen import Chosen
from orders_pipeline.retention.clean import clean_stores
from orders_pipeline.store.schema import imports
from tests.chaos.outcomes import outcomes
from tests.chaos.taken_up_again import Work
from tests.import_bench import ImportBench, Line, many_orders
from tests.integration.lifecycle.test_expire import outlive, reserved, sweep

ACTOR = "cli:ada"
CRASHES = 8
LONG_AGO = 400 * 86_400 * 1_000_000
Act = Callable[[ImportBench], object]


@dataclass(frozen=True, slots=True)
class Action:
    """The preparation of an action, the action, and what settles its orders afterwards."""

    before: Act
    act: Act
    after: Act


def with_failures(bench: ImportBench) -> None:
    bench.stock(MOUSE=100, RARE=1)
    bench.set(payment_success_rate=0.5)
    bench.import_lines(*many_orders(7), *many_orders(4, "rare", sku="RARE"))
    bench.stock(RARE=100)


def half_way(bench: ImportBench) -> None:
    reserved(bench, 9)
    outlive(bench)
    bench.up_to("load", bench.parsed(*many_orders(3, "pending"), name="pending.csv"))


def long_done(bench: ImportBench) -> None:
    bench.stock(MOUSE=100)
    for name in ("first.csv", "second.csv"):
        bench.import_lines(*many_orders(3, name), Line(f"bad {name}", quantity=0), name=name)
    with bench.engine.begin() as connection:
        connection.execute(update(imports).values(settled_at=now_us() - LONG_AGO))


def retry(bench: ImportBench) -> None:
    bench.set(payment_success_rate=1)
    bench.retry()


def cancel(bench: ImportBench) -> None:
    cancel_orders(bench.engine, Chosen(), "by mistake", bench.settings.transaction_orders, ACTOR)


def clean(bench: ImportBench) -> None:
    clean_stores(bench.engine, bench.settings, ACTOR, dry=False)


def finish(bench: ImportBench) -> None:
    for key in bench.keys().values():
        bench.settle(key)


def nothing(_bench: ImportBench) -> None:
    pass


ACTIONS = {
    "retry": Action(with_failures, retry, finish),
    "cancel": Action(half_way, cancel, finish),
    "expire": Action(half_way, sweep, finish),
    "clean": Action(long_done, clean, nothing),
}


@pytest.mark.parametrize("name", ACTIONS)
def test_an_action_broken_off_at_any_commit_has_the_same_result_when_done_again(
    name: str, store_url: str, tmp_path: Path
) -> None:
    action = ACTIONS[name]

    def came_to(bench: ImportBench) -> object:
        action.after(bench)
        assert bench.broken_checks() == set()
        return outcomes(bench.engine)

    work = Work(action.before, action.act, came_to)
    assert work.break_off(store_url, tmp_path, CRASHES, seed=name) > 0
