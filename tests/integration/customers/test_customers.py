"""A customer's personal data is exported as one document, and erased wherever it is stored; money stays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from cli.main import app
from orders_pipeline.base.model import Notifications
from orders_pipeline.base.settings import Settings
from orders_pipeline.customers.erase import erase_customer
from orders_pipeline.figures.leaderboards.boards import Board
from orders_pipeline.figures.published_figures import open_figures
from orders_pipeline.figures.tables.figures_file import figures_file
from orders_pipeline.notifications.actions import unsubscribe
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import metadata, orders
from tests.import_bench import ImportBench, Line
from tests.notices import ADA, NoticeBench, ordered
from tests.refund_bench import RefundBench, asked

NAME = "Ada Canary"


@pytest.fixture
def home(bench: ImportBench, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> NoticeBench:
    """A home for commands, with orders of Ada, whose customer id is her address, and of another customer."""
    variables = {
        "DATABASE_URL": bench.engine.url.render_as_string(hide_password=False),
        "HOME": str(bench.settings.home),
        "REDIS_URL": redis_url,
        "NOTIFICATIONS": "log",
    }
    for name, value in variables.items():
        monkeypatch.setenv(f"ORDERS_{name}", value)
    bench.set(redis_url=redis_url)
    shop = NoticeBench.on(bench, None, notifications=Notifications.LOG)
    hers = {"customer": ADA, "name": NAME, "date": ordered()}
    shop.import_orders(
        Line("1", quantity=3, **hers),
        Line("2", customer="c2", name="Bob", date=ordered()),
        Line("3", quantity="x", **hers),
        emails=(ADA, "bob@shop-customer.example", ADA),
    )
    RefundBench(bench).refund(asked("1", amount="5.00"))
    shop.send()
    with bench.engine.begin() as connection:
        unsubscribe(connection, ADA, "cli:ada")
    with figures(bench.settings, bench) as published:
        published.boards.rebuild_all(Board.CUSTOMERS)
        published.refresh_dirty_days()
        published.update_tables()
    return shop


def figures(settings: Settings, bench: ImportBench) -> Any:
    return open_figures(
        bench.engine, settings.warehouse, settings.redis_url, settings.currency, settings.zone
    )


def run(*arguments: str, code: int = 0) -> Any:
    shown = CliRunner().invoke(app, ["customers", *arguments, "--json"])
    assert shown.exit_code == code, shown.output
    return json.loads(shown.stdout)


def found_in_store(bench: ImportBench, text: str) -> set[str]:
    """The tables with a text in any of their rows."""
    return {table for table in metadata.tables if text in str(bench.rows(table))}


def found_in_files(folder: Path, text: str) -> set[str]:
    files = [file for file in folder.rglob("*") if file.is_file() and "orders.db" not in file.name]
    return {str(file) for file in files if text.encode() in file.read_bytes()}


@pytest.mark.usefixtures("home")
def test_an_export_has_all_that_is_held_on_a_person() -> None:
    exported = run("export", ADA)
    assert exported["name"] == NAME
    assert exported["contact"][0]["email"] == ADA
    assert exported["contact"][0]["unsubscribed_at"]
    assert exported["totals"] == [{"currency": "USD", "orders": 1, "spent": "30.00", "refunded": "5.00"}]
    assert [(one["order_id"], one["customer_name"]) for one in exported["orders"]] == [("1", NAME)]
    assert [one["type"] for one in exported["notifications"]] == ["order.completed", "order.refunded"]
    (line,) = exported["rejected_lines"]
    assert ADA in line
    assert len(exported["staged_files"]) == 1
    assert "Bob" not in json.dumps(exported)
    assert run("export", "nobody", code=1)["error"]["code"] == "unknown_customer"


@pytest.mark.usefixtures("home")
def test_the_export_is_a_file_that_only_its_owner_can_read_and_replaces_none(tmp_path: Path) -> None:
    file = tmp_path / "person.json"
    CliRunner().invoke(app, ["customers", "export", ADA, "--output", str(file)])
    assert json.loads(file.read_text())["name"] == NAME
    assert file.stat().st_mode & 0o777 == 0o600
    again = CliRunner().invoke(app, ["customers", "export", ADA, "--output", str(file)])
    assert (again.exit_code, "already exists" in again.stderr) == (1, True)


def test_nothing_personal_is_left_after_an_erasure_and_the_money_is(home: NoticeBench) -> None:
    bench = home.bench
    preview = run("erase", ADA, "--dry-run")
    assert (preview["name"], preview["address"], preview["orders"], preview["rejected_lines"]) == (
        True,
        True,
        1,
        1,
    )
    assert {"customers", "customer_contacts", "orders", "rejects"} <= found_in_store(bench, ADA)
    money = bench.rows("payments"), bench.rows("refunds"), bench.rows("order_lines")
    erased = run("erase", ADA)
    nobody = erased["customer"]
    assert (erased["staged_files"], erased["files"]) == (1, preview["files"])
    assert ADA not in json.dumps(erased)
    assert found_in_store(bench, ADA) == found_in_store(bench, "Canary") == set()
    assert (bench.rows("payments"), bench.rows("refunds"), bench.rows("order_lines")) == money
    with reading(bench.engine) as connection:
        assert connection.scalar(select(orders.c.customer_id).where(orders.c.number == "1")) == nobody
        assert connection.scalar(select(orders.c.customer_id).where(orders.c.number == "2")) == "c2"
    assert not bench.broken_checks() - {"daily_kpis_match_orders"}
    with figures(bench.settings, bench) as published:
        places = published.boards.top(Board.CUSTOMERS, 10, "USD")
        assert {(one["customer_id"], one["customer_name"]) for one in places} == {
            (nobody, None),
            ("c2", "Bob"),
        }
        members = {
            place.member for place in published.boards.live(Board.CUSTOMERS, "USD").places(1, 10) or ()
        }
        assert members == {nobody, "c2"}
    warehouse = bench.settings.warehouse
    assert {Path(file).name for file in found_in_files(warehouse, ADA)} <= {"warehouse.duckdb"}
    # DuckDB keeps deleted data in unused space until the file is created anew.
    with figures(bench.settings, bench) as published:
        published.rebuild()
    assert found_in_files(warehouse, nobody)
    assert found_in_files(warehouse, ADA) == set()
    assert found_in_files(bench.settings.staging_folder, ADA) == set()
    assert run("erase", ADA, code=1)["error"]["code"] == "unknown_customer"


def test_the_next_publication_leaves_no_former_id_in_unused_space_of_the_figures(home: NoticeBench) -> None:
    bench, folder = home.bench, home.bench.settings.warehouse
    file = figures_file(folder)
    assert ADA.encode() in file.read_bytes()
    erase_customer(bench.engine, bench.staging, ADA, "cli:ada")
    with figures(bench.settings, bench) as published:
        # While the day is due, the published figures that are copied still contain her id.
        published.update_tables()
        assert ADA.encode() in file.read_bytes()
        published.refresh_dirty_days()
        assert published.file_is_due()
        published.update_tables()
        assert ADA.encode() not in file.read_bytes()
        assert not published.file_is_due()


def test_orders_of_a_file_that_comes_again_are_still_known_after_an_erasure(home: NoticeBench) -> None:
    run("erase", ADA)
    text = (home.bench.folder / "orders.csv").read_text("utf-8").splitlines()
    again = home.bench.folder / "again.csv"
    again.write_text("\n".join([*text[:3], ""]), "utf-8")
    report = home.bench.settle(home.bench.stage(again))
    assert report.orders == {"accepted": 0, "rejected": 0, "duplicate": 2}


def test_nobody_is_erased_while_an_import_runs(
    lone_bench: ImportBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERS_DATABASE_URL", lone_bench.engine.url.render_as_string(hide_password=False))
    monkeypatch.setenv("ORDERS_HOME", str(lone_bench.settings.home))
    lone_bench.import_lines(Line("1"), name="1.csv")
    key = lone_bench.parsed(Line("2"), name="2.csv")
    refused = run("erase", "c1", code=1)["error"]
    assert refused["code"] == "imports_running"
    assert key in refused["message"]
