"""Settings are read once and checked; an error names the variable."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from orders_pipeline.base.settings import SettingsError, UnknownSku, load_settings

BAD = {
    "ORDERS_PAYMENT_SUCCESS_RATE": ["1.1", "-0.1", "nan", "often"],
    "ORDERS_PAYMENT_DELAY_MIN": ["-1", "soon"],
    "ORDERS_PAYMENT_MAX_IN_FLIGHT": ["0"],
    "ORDERS_REFUND_SUCCESS_RATE": ["2"],
    "ORDERS_REFUND_DELAY_MAX": ["-1"],
    "ORDERS_UNKNOWN_SKU": ["maybe"],
    "ORDERS_UNKNOWN_SKU_STOCK": ["-1", "many"],
    "ORDERS_TIMEZONE": ["Berlin", "../etc/passwd", ""],
    "ORDERS_CURRENCY": ["Euro", "XYZ", "ÄÖÜ", ""],
    "ORDERS_FIRST_DAY": ["yesterday", "2000-13-01"],
    "ORDERS_RATE_LIMIT": ["-1"],
    "ORDERS_FLOWER_LOGIN": ["orders:", ":password", "orders"],
    "ORDERS_WEBSERVER_PORT": ["0", "70000"],
    "ORDERS_DATABASE_URL": ["postgresql://host/db", "postgres://host/db", "host/db", "http://[host"],
    "ORDERS_REDIS_URL": ["localhost:6379", "http://localhost"],
    "ORDERS_BROKER_URL": ["rabbitmq", "kafka://localhost"],
    "ORDERS_NOTIFY_WEBHOOK": ["chat.example.com"],
    "ORDERS_TRACES_URL": ["localhost:4318"],
    "ORDERS_HOME": ["var?x", "var%41", "var\nx", "~no-such-user/var"],
    "ORDERS_INBOX": ["~no-such-user/files"],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in BAD.items() for value in values]
)
def test_a_bad_value_is_reported_by_the_name_of_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=name):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("WORKER_PROCESSES", "", "not a whole number"),
        ("WORKER_PROCESSES", "-1", "it must be greater than or equal to 0"),
        ("RATE_LIMIT", "1.5", "not a whole number"),
        ("PAYMENT_TIMEOUT", "soon", "not a number"),
        ("REFUND_LIMIT", "much", "not a number"),
        ("WARM_RUNS", "maybe", "neither true nor false"),
        ("FIRST_DAY", "yesterday", "not a date such as 2025-12-31"),
        ("API_READS", "all", "it must be 'local', 'open' or 'key'"),
        (
            "DATABASE_URL",
            "postgresql://host/db",
            "not a URL such as postgresql+psycopg2://user:password@host/db",
        ),
    ],
)
def test_what_is_allowed_is_said(
    name: str, value: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"ORDERS_{name}", value)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert str(refused.value) == f"ORDERS_{name}: {message}"


@pytest.mark.parametrize("name", ["inbox", "backup_folder", "smtp_ca", "stripe_key_file"])
def test_a_path_is_the_same_wherever_a_program_starts(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for given, meant in (("~/files", Path.home() / "files"), ("files", Path.cwd() / "files")):
        monkeypatch.setenv(f"ORDERS_{name.upper()}", given)
        assert getattr(load_settings(), name) == meant


def test_all_bad_values_are_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERS_CURRENCY", "Euro")
    monkeypatch.setenv("ORDERS_TIMEZONE", "Berlin")
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert "ORDERS_CURRENCY: 'Euro' is not an ISO 4217 code such as USD" in str(refused.value)
    assert "ORDERS_TIMEZONE: 'Berlin' is not an IANA time zone such as Europe/Berlin" in str(refused.value)


def test_delays_out_of_order_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERS_PAYMENT_DELAY_MIN", "5")
    with pytest.raises(SettingsError, match="ORDERS_PAYMENT_DELAY_MAX is below ORDERS_PAYMENT_DELAY_MIN"):
        load_settings()


def test_defaults_are_those_of_the_contract() -> None:
    settings = load_settings()
    assert (settings.payment_success_rate, settings.payment_delay_min, settings.payment_delay_max) == (
        0.9,
        1,
        3,
    )
    assert (settings.unknown_sku, settings.unknown_sku_stock) == (UnknownSku.CREATE, 1000)
    assert (settings.timezone, settings.currency) == ("UTC", "USD")
    assert settings.first_day == date(2000, 1, 1)


def test_all_state_is_in_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ORDERS_HOME", str(tmp_path / "elsewhere" / ".." / "home"))
    settings = load_settings()
    assert settings.home == tmp_path / "home"
    assert settings.store_url == f"sqlite:///{tmp_path / 'home' / 'orders.db'}"
    assert {settings.staging_folder.parent, settings.warehouse.parent} == {settings.home}


def test_a_currency_may_be_written_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERS_CURRENCY", " eur ")
    assert load_settings().currency == "EUR"


def test_an_empty_inbox_is_the_one_in_the_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERS_INBOX", "")
    settings = load_settings()
    assert settings.inbox_folder == settings.home / "inbox"
