"""Retries of failed and rolled back orders: each begins a new attempt and passes all steps again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.failure import CommandFailed
from cli.main import app
from cli.runs.import_files import FileRun, ImportCommand
from orders_pipeline.base.model import FailureReason, ImportStatus
from orders_pipeline.failed_work.chosen import Chosen
from orders_pipeline.failed_work.retry import left_open, retry_orders
from orders_pipeline.imports.import_row import get_import
from orders_pipeline.imports.state.status import finish_import
from orders_pipeline.lifecycle.story import find_orders
from orders_pipeline.stock.product_list import restock
from orders_pipeline.store.engine import reading
from tests.import_bench import ImportBench, Line, many_orders

OUT_OF_STOCK, DECLINED = FailureReason.OUT_OF_STOCK, FailureReason.DECLINED


def retry(bench: ImportBench, chosen: Chosen) -> dict[str, int]:
    return retry_orders(bench.engine, chosen, bench.settings.transaction_orders, "cli:ada")


def imported(bench: ImportBench, *lines: Line, name: str = "orders.csv") -> str:
    """Key of a file whose orders have settled."""
    key = bench.stage(bench.write(*lines, name=name))
    bench.settle(key)
    return key


def sold_out(bench: ImportBench) -> str:
    """An import of five orders with stock for two."""
    bench.stock(MOUSE=2)
    return imported(bench, *many_orders(5))


def test_orders_that_failed_for_lack_of_stock_are_served_once_there_is_more(bench: ImportBench) -> None:
    key = sold_out(bench)
    with bench.engine.begin() as connection:
        restock(connection, "MOUSE", 2)
    assert retry(bench, Chosen(reason=OUT_OF_STOCK)) == {key: 3}
    assert bench.broken_checks() == set()
    report = bench.settle(key)
    assert report.statuses == {"completed": 4, "rollback": 0, "failed": 1}
    assert bench.shelf()["MOUSE"] == (0, 0, 4)
    assert bench.broken_checks() == set()


def test_a_declined_payment_is_requested_again_with_another_key(bench: ImportBench) -> None:
    bench.set(payment_success_rate=0, transaction_orders=7)
    key = imported(bench, *many_orders(20))
    bench.set(payment_success_rate=1)
    assert retry(bench, Chosen(reason=DECLINED)) == {key: 20}
    assert bench.settle(key).statuses == {"completed": 20, "rollback": 0, "failed": 0}
    payments = sorted((row[1], row[3]) for row in bench.rows("payments"))
    assert payments == [(1, "declined")] * 20 + [(2, "succeeded")] * 20
    assert bench.broken_checks() == set()


def test_a_retried_order_that_fails_again_can_be_retried_again(bench: ImportBench) -> None:
    key = sold_out(bench)
    for attempt in (2, 3):
        assert retry(bench, Chosen(reason=OUT_OF_STOCK)) == {key: 3}
        bench.settle(key)
        assert [row[1] for row in bench.rows("failures")].count(attempt) == 3
    assert bench.broken_checks() == set()


def test_only_what_was_chosen_is_retried(bench: ImportBench) -> None:
    bench.stock(MOUSE=0, CABLE=100)
    bench.set(payment_success_rate=0)
    first = imported(bench, Line("1"), Line("2", "CABLE"), Line("3", "CABLE"))
    second = imported(bench, Line("4"), Line("5", "CABLE"), name="second.csv")
    assert retry(bench, Chosen(reason=OUT_OF_STOCK, key=second)) == {second: 1}
    assert retry(bench, Chosen(numbers=("2", "4"))) == {first: 1}
    assert retry(bench, Chosen(numbers=("3",), source="another")) == {}
    assert bench.statuses() == {
        "1": "failed",
        "2": "pending",
        "3": "rollback",
        "4": "pending",
        "5": "rollback",
    }


def test_completed_orders_are_never_retried(bench: ImportBench) -> None:
    imported(bench, *many_orders(3))
    before = bench.everything()
    assert retry(bench, Chosen(numbers=("n0", "n1", "n2"))) == {}
    assert bench.everything() == before


def test_a_retry_reopens_its_import_and_is_reported_in_the_orders_story(bench: ImportBench) -> None:
    key = sold_out(bench)
    retry(bench, Chosen(numbers=("n4",)))
    with reading(bench.engine) as connection:
        found = get_import(connection, key)
        (story,) = find_orders(connection, "n4", None)
    assert (found.status, found.launches) == (ImportStatus.RUNNING, 0)
    assert (story["status"], story["attempt"]) == ("pending", 2)
    assert [note["note"] for note in story["notes"]] == ["attempt 2 asked for, after out_of_stock"]


def test_retries_that_meet_give_each_order_one_attempt(bench: ImportBench) -> None:
    bench.set(transaction_orders=2)
    key = sold_out(bench)
    results = bench.race(*[lambda one: retry(one, Chosen(reason=OUT_OF_STOCK))] * 3)
    assert sum(result.get(key, 0) for result in results) == 3
    assert {row[12] for row in bench.rows("orders")} <= {1, 2}
    bench.settle(key)
    assert bench.broken_checks() == set()


def test_a_retry_while_the_import_runs_again_leaves_nothing_open_in_a_finished_one(
    bench: ImportBench,
) -> None:
    key = sold_out(bench)
    bench.race(lambda one: retry(one, Chosen(reason=OUT_OF_STOCK)), lambda one: finish(one, key))
    assert "finished_imports_are_settled" not in bench.broken_checks()
    bench.settle(key)
    assert bench.broken_checks() == set()


def finish(bench: ImportBench, key: str) -> None:
    with reading(bench.engine) as connection:
        import_id = get_import(connection, key).id
    for _ in range(20):
        try:
            with bench.engine.begin() as connection:
                finish_import(connection, import_id)
        except RuntimeError:
            return


@pytest.fixture
def home(lone_bench: ImportBench, monkeypatch: pytest.MonkeyPatch) -> ImportBench:
    """The bench's home, as a command finds it."""
    monkeypatch.setenv("ORDERS_DATABASE_URL", str(lone_bench.engine.url))
    return lone_bench


def test_the_preview_counts_by_reason_and_file_and_changes_nothing(home: ImportBench) -> None:
    key = sold_out(home)
    before = home.everything()
    shown = CliRunner().invoke(app, ["retry", "--reason", "out_of_stock", "--dry-run", "--json"])
    assert shown.exit_code == 0
    assert json.loads(shown.stdout) == {
        "dry_run": True,
        "orders": 3,
        "by_reason": {"out_of_stock": 3},
        "by_file": {key: 3},
    }
    page = CliRunner().invoke(app, ["retry", "n4", "n3", "n2", "--dry-run"]).stdout
    assert "3 orders would be retried" in page
    assert home.everything() == before


@pytest.mark.parametrize(
    ("files", "code"), [(("a.csv",), "run_failed"), (("a.csv", "ok.csv", "b.csv"), "imports_failed")]
)
def test_a_retry_whose_imports_fail_prints_the_error_and_nothing_else(
    home: ImportBench, monkeypatch: pytest.MonkeyPatch, files: tuple[str, ...], code: str
) -> None:
    sold_out(home)
    runs = [FileRun(Path(name)) for name in files]
    for run in runs:
        if run.path.name != "ok.csv":
            run.error = CommandFailed("run_failed", f"The import of {run.path} failed.", "Import it again.")
    monkeypatch.setattr(ImportCommand, "settle", lambda *_: runs)
    done = CliRunner().invoke(app, ["retry", "--all", "--json"])
    document = json.loads(done.stdout)
    assert (done.exit_code, list(document)) == (1, ["error"])
    assert list(document["error"]) == ["code", "message", "hint"]
    assert document["error"]["code"] == code
    failed = [name for name in files if f"The import of {name} failed." in document["error"]["message"]]
    assert failed == [name for name in files if name != "ok.csv"]


def test_a_retry_goes_on_with_what_an_interrupted_one_left_open(
    home: ImportBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = sold_out(home)
    imported(home, Line("other", "CABLE"), name="other.csv")
    retry(home, Chosen(reason=OUT_OF_STOCK))
    settled: list[list[str]] = []
    monkeypatch.setattr(
        ImportCommand, "settle", lambda _, found: settled.append([one.key for one in found]) or []
    )
    page = CliRunner().invoke(app, ["retry", "--all"])
    assert page.exit_code == 0
    assert f"0 orders are retried.\nContinues an earlier, interrupted retry: {key}." in page.stdout
    CliRunner().invoke(app, ["retry", "n3"])
    CliRunner().invoke(app, ["retry", "n0"])
    assert settled == [[key], [key], []]
    home.settle(key)
    assert left_open(home.engine, Chosen()) == []


@pytest.mark.parametrize(
    ("arguments", "exit_code", "code"),
    [
        ([], 2, "nothing_chosen"),
        (["no such order"], 1, "unknown_order"),
        (["--file", "no-such-file"], 1, "unknown_partition"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    home: ImportBench, arguments: list[str], exit_code: int, code: str
) -> None:
    sold_out(home)
    for name in ("retry", "cancel"):
        refused = CliRunner().invoke(app, [name, *arguments, "--json"])
        assert refused.exit_code == exit_code
        assert json.loads(refused.stdout)["error"]["code"] == code
