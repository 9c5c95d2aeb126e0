"""Read-only commands: products, settings, logs, and reasons of failed work."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from cli.commands.alerts import show_alerts
from cli.main import app
from cli.output import page
from cli.stack.layout import Layout
from orders_pipeline.base.settings import Settings, load_settings
from orders_pipeline.monitoring.alerts.alert_rows import Alert
from orders_pipeline.monitoring.alerts.alert_rules import AlertName
from orders_pipeline.monitoring.alerts.remedies import REMEDIES
from orders_pipeline.store.engine import open_engine
from tests.import_bench import ImportBench, Line, many_orders


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[ImportBench]:
    """The home that the commands use."""
    settings = load_settings()
    settings.home.mkdir()
    engine = open_engine(settings.store_url)
    yield ImportBench.at(engine, tmp_path)
    engine.dispose()


def orders(*arguments: str, columns: str = "80") -> Result:
    return CliRunner(env={"COLUMNS": columns}).invoke(app, list(arguments))


def document(*arguments: str) -> Any:
    return json.loads(orders(*arguments, "--json").stdout)


def test_products_are_listed_with_their_stock(bench: ImportBench) -> None:
    bench.stock(CUP=3, MUG=50)
    bench.import_lines(Line("1", "MUG", 2))
    found = document("products", "list")
    assert [(one["sku"], one["on_hand"], one["sold"]) for one in found] == [("CUP", 3, 0), ("MUG", 48, 2)]
    assert [one["sku"] for one in document("products", "list", "--low", "3")] == ["CUP"]
    assert [one["sku"] for one in document("products", "list", "--text", "mu")] == ["MUG"]
    assert "48" in orders("products", "list").stdout
    assert "No matching products." in orders("products", "list", "--text", "%").stdout


def test_settings_in_effect_are_shown_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERS_PAYMENT_API_KEY", "sk_secret")
    monkeypatch.setenv("ORDERS_DATABASE_URL", "postgresql+psycopg2://ada:pw_secret@db/orders")
    monkeypatch.setenv("ORDERS_CURRENCY", "EUR")
    printed = orders("config", columns="200").stdout
    assert "sk_secret" not in printed
    assert "pw_secret" not in printed
    shown = {one["name"]: one for one in document("config")}
    assert set(shown) == {f"ORDERS_{name.upper()}" for name in Settings.model_fields}
    assert (shown["ORDERS_CURRENCY"]["value"], shown["ORDERS_CURRENCY"]["is_default"]) == ("EUR", False)
    assert shown["ORDERS_PAYMENT_API_KEY"]["value"] == "(hidden)"


def test_logs_are_listed_and_shown_from_their_end() -> None:
    assert "No logs yet" in orders("logs").stdout
    layout = Layout(load_settings().home)
    layout.prepare()
    layout.log("api").write_text("one\ntwo\nthree\n")
    assert [one["program"] for one in document("logs")] == ["api"]
    assert orders("logs", "api", "--lines", "2").stdout == "two\nthree\n"
    assert document("logs", "api", "--lines", "1")["lines"] == ["three"]
    assert document("logs", "../api")["error"]["code"] == "unknown_program"


def test_a_reason_that_nothing_has_is_an_error_with_the_known_ones(bench: ImportBench) -> None:
    bench.reject_unknown_products()
    bench.import_lines(*many_orders(2, sku="UNSEEN"))
    assert len(document("failed", "--reason", "unknown_product")["orders"]) == 2
    assert document("failed", "--reason", "declined")["orders"] == []
    error = document("failed", "--reason", "nosuch")["error"]
    assert error["code"] == "unknown_reason"
    assert "unknown_product" in error["hint"]


@pytest.mark.usefixtures("bench")
def test_a_second_pause_without_a_reason_keeps_the_first() -> None:
    assert document("pause", "--because", "stocktaking")["because"] == "stocktaking"
    assert document("pause")["because"] == "stocktaking"
    assert document("pause", "--because", "audit")["because"] == "audit"


def test_keys_of_files_are_never_cut(bench: ImportBench) -> None:
    name = f"{'orders-of-the-shop-in-leipzig-' * 2}.csv"
    bench.import_lines(*many_orders(2), name=name)
    [key] = bench.keys().values()
    assert key in orders("files", columns="40").stdout


def test_orders_are_listed_in_one_line_each_without_columns_that_say_nothing(bench: ImportBench) -> None:
    bench.stock(MOUSE=5, CUP=0)
    bench.import_lines(Line("1"), Line("2", "CUP"), name="of-a-shop-with-a-long-name.csv")
    shown = orders("list").stdout.splitlines()
    assert [line.split()[1] for line in shown if "2025-11-10" in line] == ["2", "1"]
    (heading,) = (line for line in shown if "number" in line)
    assert heading.split() == ["day", "number", "status", "customer", "total", "currency", "reason", "file"]


def test_every_alert_says_what_to_do() -> None:
    assert set(REMEDIES) == set(AlertName)
    raised = [
        Alert(1, name, "it", "detail", 0, 0, None, told=True) for name in ("no_workers", "of_a_later_version")
    ]
    with page.capture() as captured:
        show_alerts(raised)
    assert "No workers: Run `orders up` on each machine" in captured.get()
    assert "See docs/runbooks.md." in captured.get()
