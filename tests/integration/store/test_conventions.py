"""A used store keeps its time zone and currency; other settings are refused before an order is loaded."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import select, update
from typer.testing import CliRunner

from cli.main import app
from cli.stack.stack import start_all
from orders_pipeline.base.settings import SettingsError, load_settings
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import home
from tests.import_bench import ImportBench, Line


def kept(bench: ImportBench) -> tuple[str | None, str | None]:
    with reading(bench.engine) as connection:
        timezone, currency = connection.execute(select(home.c.timezone, home.c.currency)).one()
    return timezone, currency


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"timezone": "Europe/Berlin"}, "ORDERS_TIMEZONE is Europe/Berlin, but .* have their days in UTC"),
        ({"currency": "EUR"}, "ORDERS_CURRENCY is EUR, but .* entered this store in USD"),
    ],
)
def test_other_settings_let_no_further_file_in(
    bench: ImportBench, changed: dict[str, str], message: str
) -> None:
    bench.import_lines(Line("1"))
    assert kept(bench) == ("UTC", "USD")
    bench.set(**changed)
    with pytest.raises(SettingsError, match=message):
        bench.import_lines(Line("2"), name="second.csv")
    assert set(bench.statuses()) == {"1"}
    bench.set(timezone="UTC", currency="USD")
    bench.import_lines(Line("2"), name="second.csv")
    assert set(bench.statuses()) == {"1", "2"}


def test_until_the_first_order_any_settings_are_good(bench: ImportBench) -> None:
    bench.stage(bench.write(Line("1")))
    bench.set(timezone="Asia/Tokyo", currency="JPY")
    bench.import_lines(Line("2"), name="second.csv")
    assert kept(bench) == ("Asia/Tokyo", "JPY")


def test_a_store_of_0_1_0_takes_the_settings_of_its_next_import(bench: ImportBench) -> None:
    bench.import_lines(Line("1"))
    with bench.engine.begin() as connection:
        connection.execute(update(home).values(timezone=None, currency=None))
    bench.set(timezone="Europe/Berlin")
    bench.import_lines(Line("2"), name="second.csv")
    assert kept(bench) == ("Europe/Berlin", "USD")


def test_commands_and_the_stack_are_refused_with_the_way_out(
    lone_bench: ImportBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    lone_bench.import_lines(Line("1"))
    file = lone_bench.write(Line("2"))
    monkeypatch.setenv("ORDERS_HOME", str(lone_bench.settings.home))
    monkeypatch.setenv("ORDERS_DATABASE_URL", str(lone_bench.engine.url))
    monkeypatch.setenv("ORDERS_TIMEZONE", "Europe/Berlin")
    for command in ("import", "stage"):
        done = CliRunner().invoke(app, [command, str(file), "--json"])
        assert done.exit_code == 1
        assert "Set it back" in json.loads(done.stdout)["error"]["message"]
    with pytest.raises(SettingsError, match="ORDERS_TIMEZONE"):
        start_all(load_settings())
