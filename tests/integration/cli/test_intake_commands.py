"""`orders pause` and `orders resume`: what commands print and do during a pause."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from sqlalchemy import update
from typer.testing import CliRunner

from cli.main import app
from cli.runs.import_files import ImportCommand
from orders_pipeline.access.audit import list_actions
from orders_pipeline.imports.arrival.intake import pause_intake, resume_intake
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import kpi_days
from tests.import_bench import ImportBench, Line


@pytest.fixture
def home(lone_bench: ImportBench, monkeypatch: pytest.MonkeyPatch) -> ImportBench:
    """The bench's home, as a command finds it."""
    monkeypatch.setenv("ORDERS_DATABASE_URL", str(lone_bench.engine.url))
    monkeypatch.setenv("ORDERS_HOME", str(lone_bench.settings.home))
    return lone_bench


def run(*arguments: str) -> tuple[int, Any]:
    done = CliRunner().invoke(app, [*arguments, "--json"])
    return done.exit_code, json.loads(done.stdout)


def test_a_pause_is_reported_with_who_and_why_and_kept_in_the_trail(home: ImportBench) -> None:
    exit_code, paused = run("pause", "--because", "stocktaking")
    assert (exit_code, paused["paused"], paused["because"]) == (0, True, "stocktaking")
    assert run("status")[1]["intake"] == paused
    assert run("resume") == (0, {"paused": False, "since": None, "by": None, "because": None})
    assert run("status")[1]["intake"]["paused"] is False
    assert run("resume")[0] == 0
    with reading(home.engine) as connection:
        trail = [(one.action, one.actor) for one in list_actions(connection)]
    assert trail == [("intake.resume", paused["by"]), ("intake.pause", paused["by"])]


@pytest.mark.usefixtures("home")
def test_pausing_again_changes_the_words_and_not_the_time() -> None:
    first, second = run("pause", "--because", "a")[1], run("pause", "--because", "b")[1]
    assert (second["since"], second["because"]) == (first["since"], "b")


def test_a_new_file_is_refused_with_the_way_out_and_stays_staged(home: ImportBench) -> None:
    run("pause", "--because", "stocktaking")
    exit_code, document = run("import", str(home.write(Line("1"))))
    assert exit_code == 1
    assert document["error"]["code"] == "intake_paused"
    assert "stocktaking" in document["error"]["message"]
    assert "orders resume" in document["error"]["hint"]
    assert list(home.keys()) == ["orders.csv"]
    assert home.statuses() == {}


def test_reading_files_and_known_ones_are_not_held_up(home: ImportBench) -> None:
    home.import_lines(Line("1"))
    with home.engine.begin() as connection:
        # Otherwise the command would publish them, for which it needs workers.
        connection.execute(update(kpi_days).values(published=kpi_days.c.version))
    run("pause")
    assert run("import", str(home.folder / "orders.csv"))[1]["duplicate_lines"] == 1
    assert run("import", str(home.write(Line("2"), name="new.csv")), "--dry-run")[0] == 0


def test_with_wait_a_new_file_is_taken_once_the_intake_is_resumed(
    home: ImportBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = threading.Event()
    taken: list[str] = []
    monkeypatch.setattr(
        ImportCommand, "_import", lambda _self, runs: taken.extend(one.staged.file_name for one in runs)
    )
    pause_of_command = ImportCommand._pause

    def look(command: ImportCommand) -> Any:
        looked.set()
        return pause_of_command(command)

    monkeypatch.setattr(ImportCommand, "_pause", look)
    with home.engine.begin() as connection:
        pause_intake(connection, "cli:ada", "")
    command = ImportCommand(home.settings, home.engine, 0.0, wait=True, look_seconds=0.01)
    waiting = threading.Thread(target=command.run, args=([home.write(Line("1"))],))
    waiting.start()
    assert looked.wait(60)
    assert taken == []
    with home.engine.begin() as connection:
        resume_intake(connection, "cli:ada")
    waiting.join(60)
    assert taken == ["orders.csv"]
