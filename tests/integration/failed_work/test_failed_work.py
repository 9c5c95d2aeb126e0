"""All failed work in one list: orders, steps with their stack traces, and whole imports."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import update
from typer.testing import CliRunner

from cli.main import app
from orders_pipeline.access.audit import list_actions
from orders_pipeline.base.clock import now_us
from orders_pipeline.base.model import ImportStatus
from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.failed_work.listing import Kind, Wanted, failed_work
from orders_pipeline.failed_work.stalled import retry_stalled, stalled_imports
from orders_pipeline.imports.state.status import stall_import
from orders_pipeline.imports.state.step_failures import Step, noting_failures
from orders_pipeline.imports.state.tries import MOST_TRIES
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import batches, failures
from tests.import_bench import ImportBench, Line, many_orders


def listed(bench: ImportBench, limit: int = 20, offset: int = 0, **wanted: Any) -> dict[str, Any]:
    with reading(bench.engine) as connection:
        return failed_work(connection, Wanted(**wanted), limit, offset)


def numbers(document: dict[str, Any]) -> list[str]:
    return [item["order_id"] for item in document["orders"]]


def some_failed(bench: ImportBench) -> tuple[str, str]:
    """Keys of two files: one with two orders out of stock and a declined one, one with a declined order."""
    bench.stock(MOUSE=0, CABLE=100)
    bench.set(payment_success_rate=0)
    first, second = "first.csv", "second.csv"
    bench.import_lines(Line("1"), Line("2"), Line("3", "CABLE"), name=first, source="shop")
    bench.import_lines(Line("4", "CABLE"), name=second, source="market")
    keys = bench.keys()
    return keys[first], keys[second]


def fail(bench: ImportBench, step: Step, error: Exception) -> None:
    """A try of a step that fails with this error."""
    with pytest.raises(type(error)), noting_failures(bench.engine, step):
        raise error


def stall(bench: ImportBench, key: str) -> None:
    with bench.engine.begin() as connection:
        stall_import(connection, bench.found(key).id, "3 launches brought no progress")


def test_failed_orders_are_counted_by_reason_and_listed_newest_first(bench: ImportBench) -> None:
    first, _ = some_failed(bench)
    document = listed(bench)
    of_orders = {"declined": 2, "out_of_stock": 2}
    assert document["counts"] == {"orders": of_orders, "steps": {}, "imports": {}, "files": {}}
    assert numbers(document) == ["4", "3", "2", "1"]
    last = document["orders"][-1]
    assert (last["source"], last["status"], last["partition"]) == ("shop", "failed", first)
    assert (last["reason"], last["attempts"], last["batch"]) == ("out_of_stock", 1, 1)
    assert "MOUSE" in last["message"]


def test_each_filter_narrows_the_list_and_the_counts_keep_every_reason(bench: ImportBench) -> None:
    first, second = some_failed(bench)
    out_of_stock = listed(bench, reason="out_of_stock")
    assert numbers(out_of_stock) == ["2", "1"]
    assert out_of_stock["counts"]["orders"] == {"declined": 2, "out_of_stock": 2}
    assert numbers(listed(bench, key=second)) == ["4"]
    assert numbers(listed(bench, source="shop", reason="declined")) == ["3"]
    assert numbers(listed(bench, text="mouse")) == ["2", "1"]
    assert numbers(listed(bench, text="%")) == []
    assert listed(bench, kind=Kind.STEPS)["counts"]["orders"] == {}
    assert first != second


def test_only_what_failed_since_then_is_listed(bench: ImportBench) -> None:
    some_failed(bench)
    now = now_us()
    assert numbers(listed(bench, since=now)) == []
    with bench.engine.begin() as connection:
        connection.execute(update(failures).where(failures.c.reason == "declined").values(failed_at=now + 1))
    assert numbers(listed(bench, since=now)) == ["4", "3"]


def test_pages_follow_each_other(bench: ImportBench) -> None:
    some_failed(bench)
    pages = [numbers(listed(bench, limit=3, offset=offset)) for offset in (0, 3, 6)]
    assert pages == [["4", "3", "2"], ["1"], []]


def test_an_order_that_is_tried_again_is_no_longer_failed_work(bench: ImportBench) -> None:
    some_failed(bench)
    bench.retry("3", "4")
    assert numbers(listed(bench)) == ["2", "1"]


def test_a_failed_step_is_kept_with_its_trace_and_tries_until_it_ends_well(bench: ImportBench) -> None:
    key = bench.parsed(*many_orders(3))
    step = Step(key, "load_orders", "run-7", 1)
    fail(bench, step, ConnectionError("first"))
    fail(bench, step, TimeoutError("the store is away"))
    (item,) = listed(bench, text="AWAY", step="load_orders")["steps"]
    assert (item["reason"], item["message"], item["attempts"]) == ("TimeoutError", "the store is away", 2)
    assert (item["partition"], item["batch"], item["run_id"]) == (key, 1, "run-7")
    assert "raise error" in item["trace"]
    with noting_failures(bench.engine, Step(key, "load_orders", "run-8", 2)):
        pass
    assert len(listed(bench)["steps"]) == 1
    with noting_failures(bench.engine, step):
        pass
    assert listed(bench)["steps"] == []


def test_no_customer_is_in_the_trace_of_a_statement_that_the_store_refused(bench: ImportBench) -> None:
    key = bench.parsed(Line("1", customer="c77", name="Grace Hopper"))
    bench.step("load", key)
    twice = "INSERT INTO customers (id, name) VALUES ('c77', 'Grace Hopper')"
    with (
        pytest.raises(Exception, match="customers"),
        noting_failures(bench.engine, Step(key, "load_orders", "run", 1)),
        bench.engine.begin() as connection,
    ):
        connection.exec_driver_sql(twice)
    (item,) = listed(bench)["steps"]
    assert "Grace" not in str(item)
    assert "c77" not in str(item)


def test_a_file_that_was_refused_is_listed_as_such_and_not_as_a_failed_step(bench: ImportBench) -> None:
    key = bench.stage(bench.write(Line("1"), Line("bad", quantity="x")), max_rejects="0")
    with pytest.raises(FileRefused), noting_failures(bench.engine, Step(key, "parse_order_file", "run")):
        bench.steps.parse(key, "run")
    document = listed(bench)
    assert document["counts"] == {"orders": {}, "steps": {}, "imports": {"refused": 1}, "files": {}}
    (item,) = document["imports"]
    assert (item["partition"], item["code"]) == (key, "too_many_rejects")


def test_a_stalled_import_gets_all_its_launches_again_and_the_trail_tells_who_asked(
    bench: ImportBench,
) -> None:
    key = bench.parsed(*many_orders(3))
    stall(bench, key)
    with bench.engine.begin() as connection:
        connection.execute(update(batches).values(tries=MOST_TRIES))
    assert listed(bench)["counts"]["imports"] == {"stalled": 1}
    assert stalled_imports(bench.engine, source="another") == []
    assert retry_stalled(bench.engine, stalled_imports(bench.engine, key), "key:deploy") == [key]
    found = bench.found(key)
    assert (found.status, found.launches) == (ImportStatus.RUNNING, 0)
    assert {row[0] for row in bench.rows("batches", *_all_but("tries"))} == {0}
    with reading(bench.engine) as connection:
        (action,) = list_actions(connection)
    assert (action.actor, action.action, action.target) == ("key:deploy", "imports.retry", key)
    assert bench.settle(key).statuses["completed"] == 3


def _all_but(name: str) -> list[str]:
    return [column.name for column in batches.c if column.name != name]


def test_a_batch_that_kills_its_workers_makes_its_import_one_to_try_again_by_hand(bench: ImportBench) -> None:
    key = bench.parsed(*many_orders(3))
    assert stalled_imports(bench.engine) == []
    with bench.engine.begin() as connection:
        connection.execute(update(batches).values(tries=MOST_TRIES))
    assert stalled_imports(bench.engine) == [key]


def test_of_two_who_ask_for_a_stalled_import_one_reopens_it(bench: ImportBench) -> None:
    key = bench.parsed(*many_orders(3))
    stall(bench, key)
    results = bench.race(*[lambda one: retry_stalled(one.engine, [key], "cli:ada")] * 2)
    assert sorted(results, key=len) == [[], [key]]  # type: ignore[arg-type]


@pytest.fixture
def home(lone_bench: ImportBench, monkeypatch: pytest.MonkeyPatch) -> ImportBench:
    """The bench's home, as a command finds it."""
    monkeypatch.setenv("ORDERS_DATABASE_URL", str(lone_bench.engine.url))
    return lone_bench


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(arguments))
    return done.exit_code, done.stdout


def test_the_command_lists_and_filters(home: ImportBench) -> None:
    first, _ = some_failed(home)
    fail(home, Step(first, "charge_payments", "run-7", 1), ConnectionError("gateway"))
    exit_code, shown = run("failed", "--file", first, "--reason", "declined", "--json")
    assert exit_code == 0
    assert numbers(json.loads(shown)) == ["3"]
    page = run("failed")[1]
    assert "2 declined, 2 out_of_stock" in page
    assert json.loads(run("failed", "--since", "2999-01-01", "--json")[1])["orders"] == []


def test_a_home_without_failures_says_so(home: ImportBench) -> None:
    home.import_lines(Line("1"))
    assert run("failed") == (0, "No failed work.\n")


def test_the_command_shows_stack_traces(home: ImportBench) -> None:
    key = home.parsed(*many_orders(3))
    fail(home, Step(key, "load_orders", "run-7", 1), ConnectionError("gateway"))
    page = run("failed", "--traces")[1]
    assert "failed attempts: 1" in page
    assert "raise error" in page


def test_a_preview_of_stalled_imports_names_them_and_changes_nothing(home: ImportBench) -> None:
    key = home.parsed(*many_orders(3))
    stall(home, key)
    before = home.everything()
    exit_code, shown = run("retry", "--stalled", "--dry-run", "--json")
    assert (exit_code, json.loads(shown)) == (0, {"dry_run": True, "stalled": [key]})
    assert home.everything() == before


def test_all_is_asked_for_in_so_many_words_and_stalled_goes_alone(home: ImportBench) -> None:
    some_failed(home)
    assert json.loads(run("retry", "--all", "--dry-run", "--json")[1])["orders"] == 4
    exit_code, shown = run("retry", "--all", "--stalled", "--json")
    assert (exit_code, json.loads(shown)["error"]["code"]) == (2, "stalled_alone")
