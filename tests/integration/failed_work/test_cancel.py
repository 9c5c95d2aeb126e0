"""Cancelling orders that are not charged yet, while imports run."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from orders_pipeline.failed_work.cancel import cancel_orders
from orders_pipeline.failed_work.chosen import Chosen
from orders_pipeline.failed_work.retry import retry_orders
from orders_pipeline.lifecycle.story import find_orders
from orders_pipeline.store.engine import reading
from tests.import_bench import STEPS, ImportBench, Line, many_orders


def cancel(bench: ImportBench, chosen: Chosen) -> int:
    return cancel_orders(
        bench.engine, chosen, "changed their mind", bench.settings.transaction_orders, "cli:ada"
    ).orders


def at(bench: ImportBench, step: str, *lines: Line) -> str:
    """Key of a file whose orders have passed all steps up to this one."""
    key = bench.parsed(*lines)
    bench.up_to(step, key)
    return key


@pytest.mark.parametrize(("step", "status"), [("load", "failed"), ("reserve", "rollback")])
def test_an_order_that_is_not_charged_yet_ends_and_holds_nothing(
    bench: ImportBench, step: str, status: str
) -> None:
    bench.stock(MOUSE=10)
    key = at(bench, step, *many_orders(5))
    assert cancel(bench, Chosen(numbers=("n1", "n3"))) == 2
    assert {number for number, now in bench.statuses().items() if now == status} == {"n1", "n3"}
    assert bench.broken_checks() == set()
    report = bench.settle(key)
    assert report.statuses["completed"] == 3
    assert bench.shelf()["MOUSE"] == (7, 0, 3)
    assert bench.broken_checks() == set()


def test_the_story_tells_who_ended_it_and_why(bench: ImportBench) -> None:
    at(bench, "reserve", Line("1"))
    cancel(bench, Chosen(numbers=("1",)))
    with reading(bench.engine) as connection:
        (story,) = find_orders(connection, "1", None)
    (failure,) = story["failures"]
    assert (failure["reason"], failure["detail"]) == ("cancelled", "changed their mind")
    assert [held["status"] for held in story["reservations"]] == ["released"]


@pytest.mark.parametrize("step", ["charge", "finalize", "roll_back"])
def test_what_is_being_charged_or_has_ended_stays_as_it_is(bench: ImportBench, step: str) -> None:
    bench.set(payment_success_rate=0.5)
    key = at(bench, step, *many_orders(10))
    before = bench.everything()
    assert cancel(bench, Chosen(key=key)) == 0
    assert bench.everything() == before


def test_a_whole_file_is_cancelled_in_parts(bench: ImportBench) -> None:
    bench.set(transaction_orders=3)
    key = at(bench, "reserve", *many_orders(10))
    assert cancel(bench, Chosen(key=key)) == 10
    assert bench.settle(key).statuses == {"completed": 0, "rollback": 10, "failed": 0}
    assert bench.broken_checks() == set()


@pytest.mark.parametrize("step", STEPS[1:])
def test_cancelling_during_a_step_ends_each_order_in_one_way(bench: ImportBench, step: str) -> None:
    bench.set(transaction_orders=4)
    bench.stock(MOUSE=30)
    key = at(bench, STEPS[STEPS.index(step) - 1], *many_orders(40))
    bench.race(lambda one: one.step(step, key), lambda one: cancel(one, Chosen(key=key)))
    assert bench.broken_checks() == set()
    assert sum(bench.settle(key).statuses.values()) == 40
    assert bench.shelf()["MOUSE"][1] == 0
    assert bench.broken_checks() == set()


def test_what_was_cancelled_is_retried_only_when_it_is_named(bench: ImportBench) -> None:
    key = at(bench, "reserve", *many_orders(2))
    cancel(bench, Chosen(key=key))
    assert retry_orders(bench.engine, Chosen(key=key), 10, "cli:ada") == {}
    assert retry_orders(bench.engine, Chosen(numbers=("n1",)), 10, "cli:ada") == {key: 1}
    assert bench.settle(key).statuses == {"completed": 1, "rollback": 1, "failed": 0}
    assert bench.broken_checks() == set()


@pytest.fixture
def home(lone_bench: ImportBench, monkeypatch: pytest.MonkeyPatch) -> ImportBench:
    """The bench's home, as a command finds it."""
    monkeypatch.setenv("ORDERS_DATABASE_URL", str(lone_bench.engine.url))
    return lone_bench


def run(*arguments: str) -> tuple[int, Any]:
    done = CliRunner().invoke(app, ["cancel", *arguments, "--json"])
    return done.exit_code, json.loads(done.stdout)


def test_the_command_cancels_what_it_can_and_refuses_the_rest_saying_why(home: ImportBench) -> None:
    key = at(home, "charge", Line("1"), Line("2"))
    home.step("finalize", key)
    at(home, "charge", Line("3"))
    at(home, "reserve", Line("4"))
    exit_code, document = run("1", "3", "4")
    assert (exit_code, list(document)) == (1, ["error"])
    assert document["error"]["code"] == "not_cancellable"
    for part in (
        "1 of default: it was charged and completed",
        "3 of default: it is being charged",
        "1 orders",
    ):
        assert part in document["error"]["message"]
    assert home.statuses()["4"] == "rollback"


def test_cancelling_again_is_no_failure(home: ImportBench) -> None:
    at(home, "reserve", Line("1"))
    assert [run("1")[0], run("1")[0]] == [0, 0]
    assert run("1")[1]["orders"] == 0


def test_a_dry_run_changes_nothing(home: ImportBench) -> None:
    key = at(home, "reserve", *many_orders(3))
    before = home.everything()
    exit_code, document = run("--file", key, "--dry-run")
    assert (exit_code, document["orders"], document["by_file"]) == (0, 3, {key: 3})
    assert home.everything() == before
