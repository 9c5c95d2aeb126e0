"""How commands report success and failure."""

from __future__ import annotations

import json

import pytest
import typer
from rich.table import Table
from sqlalchemy.exc import OperationalError
from typer.testing import CliRunner

from cli.commands.inspecting import _show_story
from cli.commands.rejects import _show_rejects
from cli.commands.stack import _addresses
from cli.explained import explain
from cli.failure import CommandFailed
from cli.output import command, emit, page, show_error
from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.base.settings import Settings, SettingsError
from orders_pipeline.imports.import_row import UnknownPartitionError
from orders_pipeline.services.redis_server import RedisServerMissing
from orders_pipeline.staging.keys import BadPartitionKey

EXPLAINED = {
    "column_missing": FileRefused("column_missing", "orders.csv has no column sku.", "Rename."),
    "bad_setting": SettingsError("ORDERS_CURRENCY: no"),
    "unknown_partition": UnknownPartitionError("key"),
    "redis_missing": RedisServerMissing("no Redis"),
    "store_unavailable": OperationalError("SELECT 1", None, ConnectionError("refused")),
    "internal_error": ZeroDivisionError("oh"),
}


@pytest.mark.parametrize(("code", "error"), EXPLAINED.items(), ids=EXPLAINED.keys())
def test_each_kind_of_error_has_its_code_and_words(code: str, error: Exception) -> None:
    failed = explain(error)
    assert failed.code == code
    assert failed.message


def test_a_bad_key_is_an_unknown_partition() -> None:
    assert explain(BadPartitionKey("no")).code == "unknown_partition"


def test_a_bug_leaves_its_trace_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    explain(ZeroDivisionError("oh"))
    assert "ZeroDivisionError: oh" in capsys.readouterr().err


def failing(error: Exception) -> typer.Typer:
    app = typer.Typer()

    @app.command()
    @command
    def fail(as_json: bool = typer.Option(False, "--json")) -> None:
        assert as_json in (True, False)
        raise error

    return app


def test_a_failure_is_one_json_document_on_stdout_and_exit_code_1() -> None:
    result = CliRunner().invoke(failing(CommandFailed("a_code", "What.", "Way out.")), ["--json"])
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {"error": {"code": "a_code", "message": "What.", "hint": "Way out."}}


def test_without_json_a_failure_is_reported_on_stderr_only() -> None:
    result = CliRunner().invoke(failing(CommandFailed("a_code", "What.")), [])
    assert (result.exit_code, result.stdout) == (1, "")


def test_wrong_usage_is_exit_code_2() -> None:
    assert CliRunner().invoke(failing(CommandFailed("a_code", "What.")), ["--nonsense"]).exit_code == 2


def test_a_document_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    emit({"name": "Zoë [/red]"})
    assert json.loads(capsys.readouterr().out) == {"name": "Zoë [/red]"}


MARKUP = ["[/red]", "[bold]", "[link=x]", "\\[/]"]


@pytest.mark.parametrize("text", MARKUP)
def test_text_of_the_user_is_shown_as_it_is(text: str, capfd: pytest.CaptureFixture[str]) -> None:
    show_error(CommandFailed("a_code", text, text), as_json=False)
    row = dict.fromkeys(("place", "order_number", "column_name", "code", "message", "hint"), text)
    _show_rejects([row])
    _show_story(story_of(text))
    shown = capfd.readouterr()
    assert text in shown.err
    assert shown.out.count(text) >= 10


def story_of(text: str) -> dict[str, object]:
    line = {"line": 1, "file_line": 2, "sku": text, "name": text, "quantity": 1, "total": "1.00"}
    at = "2025-01-01T00:00:00.000+00:00"
    return {
        "order_id": text,
        "source": text,
        "status": "failed",
        "customer_id": text,
        "currency": "USD",
        "total": "1.00",
        "day": "2025-01-01",
        "file": text,
        "file_line": 2,
        "file_place": "line 2",
        "amounts": {},
        "partition": "key",
        "ordered_at": at,
        "loaded_at": at,
        "lines": [line],
        "reservations": [],
        "payments": [],
        "refunded": "0.00",
        "disputed": "0.00",
        "authorizations": [],
        "refunds": [],
        "failures": [{"failed_at": at, "reason": "unknown_product", "detail": text}],
        "notes": [{"at": at, "note": text}],
        "events": [],
        "notices": [],
        "provider_lines": [],
    }


def test_a_storys_events_of_one_moment_are_in_the_order_in_which_they_happen(
    capfd: pytest.CaptureFixture[str],
) -> None:
    story = story_of("x")
    at = story["loaded_at"]
    held = {"reserved_at": at, "expires_at": at, "closed_at": at, "attempt": 1, "status": "sold"}
    paid = {
        "method": "gateway",
        "requested_at": at,
        "answered_at": at,
        "amount": "1.00",
        "status": "succeeded",
    }
    paid |= {"transaction_id": "txn", "decline_reason": None}
    _show_story(story | {"reservations": [held], "payments": [paid], "failures": [], "notes": []})
    shown = capfd.readouterr().out
    expected = ["ordered", "loaded", "stock reserved", "charge of", "payment succeeded", "stock sold"]
    places = [shown.index(f"  {what}") for what in expected]
    assert places == sorted(places)


def test_only_addresses_of_what_runs_are_reported() -> None:
    settings = Settings(webserver_port=3100, api_port=8100)
    assert list(_addresses(settings, {"worker-orders", "redis"})) == []
    shown = "\n".join(_addresses(settings, {"webserver", "api", "worker-orders"}))
    assert ":3100" in shown
    assert ":8100/api" in shown


def test_what_goes_to_a_pipe_is_not_broken_over_lines(capsys: pytest.CaptureFixture[str]) -> None:
    path = "/very/long/" + "folder with spaces/" * 20 + "orders.csv"
    show_error(CommandFailed("file_missing", f"There is no {path}", f"Look for {path}"), as_json=False)
    assert capsys.readouterr().err == f"Error: There is no {path}\nLook for {path}\n"
    page.print(Table.grid(path, path))
    page.print(path)
    assert path in capsys.readouterr().out.splitlines()


def test_columns_sets_the_width_of_a_page_in_a_pipe(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(page._environ, "COLUMNS", "20")
    page.print("word " * 20)
    assert {len(line) for line in capsys.readouterr().out.splitlines()} == {20}
