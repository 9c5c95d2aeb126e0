"""Files in quarantine are listed with their reason, tried again and dismissed by commands."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from orders_pipeline.access.audit import list_actions
from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.failed_work.dismiss import NotRefusedError, dismiss_imports
from orders_pipeline.failed_work.listing import Kind, Wanted, failed_work
from orders_pipeline.imports.arrival.dropped_files import DroppedFiles
from orders_pipeline.imports.state.to_launch import imports_to_launch
from orders_pipeline.staging.inbox import Inbox
from orders_pipeline.store.engine import reading
from tests.import_bench import HEADER, RUN, ImportBench, Line

SEMICOLONS = HEADER.replace(",", ";").replace("order_id", "Order number")
PROFILE = """
[columns]
order_number = "Order number"
customer_id = "customer_id"
sku = "product_sku"
quantity = "quantity"
unit_price = "unit_price"
currency = "currency"
ordered_at = "order_date"
"""


@pytest.fixture
def home(lone_bench: ImportBench, monkeypatch: pytest.MonkeyPatch) -> ImportBench:
    """A home as commands find it, with two files in quarantine."""
    monkeypatch.setenv("ORDERS_DATABASE_URL", lone_bench.engine.url.render_as_string(hide_password=False))
    monkeypatch.setenv("ORDERS_HOME", str(lone_bench.settings.home))
    folder = lone_bench.settings.inbox_folder
    folder.mkdir(parents=True)
    line = str(Line("1")).replace(",", ";")
    (folder / "other.csv").write_text(f"{SEMICOLONS}\n{line}\n")
    (folder / "\x1b[2Jempty.csv").write_text("")
    take_in(lone_bench)
    return lone_bench


def take_in(bench: ImportBench) -> None:
    DroppedFiles(Inbox(bench.settings.inbox_folder, stable_seconds=0)).take_in(bench.engine, bench.staging)


def run(*arguments: str) -> tuple[int, Any]:
    done = CliRunner().invoke(app, [*arguments, "--json"])
    return done.exit_code, json.loads(done.stdout)


def id_of(name: str) -> str:
    (found,) = [file["id"] for file in run("quarantine", "list")[1] if name in file["file_name"]]
    return str(found)


def actions(bench: ImportBench) -> list[tuple[str, str]]:
    with reading(bench.engine) as connection:
        return [(one.action, one.target) for one in list_actions(connection)]


@pytest.mark.usefixtures("home")
def test_files_in_quarantine_are_in_every_list_with_their_reason() -> None:
    files = run("quarantine", "list")[1]
    assert {(file["file_name"], file["code"]) for file in files} == {
        ("other.csv", "column_missing"),
        (r"\x1b[2Jempty.csv", "file_empty"),
    }
    assert all(file["hint"] for file in files)
    listed = [file for file in run("files")[1] if file["status"] == "quarantined"]
    assert {file["refused_code"] for file in listed} == {"column_missing", "file_empty"}
    failed = run("failed")[1]
    assert failed["counts"]["files"] == {"column_missing": 1, "file_empty": 1}
    assert run("failed", "--kind", "files", "--reason", "file_empty")[1]["files"][0]["file"].endswith(
        "empty.csv"
    )
    assert run("failed", "--source", "default")[1]["files"] == []
    shown = CliRunner().invoke(app, ["quarantine", "list"]).stdout
    assert "other.csv" in shown
    assert "\x1b" not in shown


def test_a_file_is_tried_again_as_it_is_and_read_in_another_way(home: ImportBench) -> None:
    other = id_of("other")
    exit_code, (refused,) = run("quarantine", "retry", other)
    assert (exit_code, refused["closed_as"], refused["retry_asked_at"]) == (1, None, None)
    profile = home.folder / "theirs.toml"
    profile.write_text(PROFILE)
    exit_code, (retried,) = run("quarantine", "retry", other, "--profile", str(profile))
    assert (exit_code, retried["closed_as"]) == (0, "retried")
    key = retried["partition_key"]
    with reading(home.engine) as connection:
        assert [one.key for one in imports_to_launch(connection)] == [key]
    assert home.found(key).file_name == "other.csv"
    assert home.settle(key).orders["accepted"] == 1
    inbox = home.settings.inbox_folder
    assert [path.name for path in (inbox / "done").iterdir()] == ["other.csv"]
    assert sorted(path.name for path in (inbox / "quarantine").iterdir()) == [
        r"\x1b[2Jempty.csv",
        r"\x1b[2Jempty.csv.reason.txt",
    ]
    take_in(home)
    assert [file["code"] for file in run("quarantine", "list")[1]] == ["file_empty"]
    assert actions(home) == [("quarantine.retry", "other.csv")] * 2


def test_a_file_that_was_mended_in_its_place_is_imported_by_a_retry(home: ImportBench) -> None:
    (home.settings.inbox_folder / "quarantine" / r"\x1b[2Jempty.csv").write_text(f"{HEADER}\n{Line('7')}\n")
    exit_code, (retried,) = run("quarantine", "retry", id_of("empty"))
    assert (exit_code, retried["closed_as"]) == (0, "retried")


def test_a_dismissed_file_is_listed_no_more_and_stays_in_its_folder(home: ImportBench) -> None:
    empty = id_of("empty")
    assert run("quarantine", "dismiss", empty, "--because", "a test")[0] == 0
    take_in(home)
    assert [file["file_name"] for file in run("quarantine", "list")[1]] == ["other.csv"]
    every = run("quarantine", "list", "--all")[1]
    assert {file["closed_as"] for file in every} == {None, "dismissed"}
    assert (home.settings.inbox_folder / "quarantine" / r"\x1b[2Jempty.csv").exists()
    exit_code, document = run("quarantine", "dismiss", empty)
    assert (exit_code, document["error"]["code"]) == (1, "not_in_quarantine")
    assert actions(home) == [("quarantine.dismiss", r"\x1b[2Jempty.csv")]


def test_a_refused_import_is_dismissed_by_its_key_until_it_is_refused_again(home: ImportBench) -> None:
    key = home.stage(home.write(Line("bad", quantity="x")), max_rejects="0")

    def refuse() -> None:
        with pytest.raises(FileRefused):
            home.steps.parse(key, RUN)

    def listed() -> dict[str, int]:
        with reading(home.engine) as connection:
            return dict(failed_work(connection, Wanted(Kind.IMPORTS), 10)["counts"]["imports"])

    with home.engine.begin() as connection, pytest.raises(NotRefusedError, match="is staged"):
        dismiss_imports(connection, [key], "cli:ada")
    refuse()
    assert listed() == {"refused": 1}
    assert run("quarantine", "dismiss", key)[0] == 0
    assert listed() == {}
    refuse()
    assert listed() == {"refused": 1}
    assert actions(home)[0] == ("imports.dismiss", key)


@pytest.mark.usefixtures("home")
def test_an_unknown_id_changes_nothing() -> None:
    exit_code, document = run("quarantine", "retry", id_of("other"), "999")
    assert (exit_code, document["error"]["code"]) == (1, "not_in_quarantine")
    assert {file["retry_asked_at"] for file in run("quarantine", "list")[1]} == {None}
