"""Whatever files are in the inbox, good files are imported, and bad files become rows with a reason."""

from __future__ import annotations

import os
import random
import socket
from pathlib import Path
from threading import Event

import pytest
from dagster import DagsterInstance, DagsterRunStatus, RunRequest, SensorResult, build_sensor_context
from sqlalchemy.exc import OperationalError

from definitions import build_definitions
from jobs.imports import sensors
from jobs.imports.launching.launching import launch_requests
from jobs.imports.runs.import_orders import IMPORT_ORDERS
from orders_pipeline.imports.arrival import dropped_files
from orders_pipeline.imports.arrival.dropped_files import DroppedFiles
from orders_pipeline.imports.arrival.quarantine import QuarantinedFile, list_quarantined
from orders_pipeline.imports.import_row import Import
from orders_pipeline.imports.state.to_launch import imports_to_launch
from orders_pipeline.staging.inbox import Inbox, InboxUnusable
from orders_pipeline.staging.remote_area import StagingUnavailable
from orders_pipeline.store.engine import reading
from tests.dagster_runs import create_run
from tests.import_bench import ImportBench, Line
from tests.made_up.hostile_files import HostileFiles
from tests.orchestration.test_watchdog import drop, sensor_named, tick_inbox
from tests.sweeps import cases

HOSTILE = cases(150)


def inbox_of(bench: ImportBench) -> Inbox:
    """The inbox of a home in which files are complete at once."""
    bench.settings.inbox_folder.mkdir(parents=True, exist_ok=True)
    return Inbox(bench.settings.inbox_folder, stable_seconds=0)


def take_in(bench: ImportBench, dropped: DroppedFiles | None = None) -> None:
    (dropped or DroppedFiles(inbox_of(bench))).take_in(bench.engine, bench.staging, seconds=600)


def quarantined(bench: ImportBench) -> list[QuarantinedFile]:
    with reading(bench.engine) as connection:
        return list_quarantined(connection, limit=10_000)


def waiting(bench: ImportBench) -> list[str]:
    """Partition keys of the imports without a run."""
    with reading(bench.engine) as connection:
        return [one.key for one in imports_to_launch(connection)]


def test_good_files_among_hundreds_of_hostile_ones_are_staged_and_the_others_are_rows(
    bench: ImportBench, instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sensors, "ATTEND_SECONDS", 600)
    good = [drop(bench, f"{name}.csv", Line(name)).name for name in ("0-first", "m-middle", "z-last")]
    chance = random.Random(12)  # noqa: S311
    hostile = HostileFiles(bench.settings.inbox_folder, bench.folder / "elsewhere", chance)
    made = hostile.make(HOSTILE)
    requests = tick_inbox(bench, instance)
    assert {str(request.partition_key)[:-13] for request in requests} == set(good)
    rows = quarantined(bench)
    assert len(rows) == made
    assert all(row.code and row.message and row.hint for row in rows)
    for row in rows:
        assert all(text.isprintable() for text in (row.file_name, row.kept_as, row.message, row.hint))
    folders = {"done", "quarantine"}
    assert {path.name for path in bench.settings.inbox_folder.iterdir()} == folders
    staged = b"".join(path.read_bytes() for path in bench.settings.staging_folder.rglob("original"))
    assert hostile.secret not in staged
    assert hostile.secret.decode() not in "".join(row.message for row in rows)
    assert hostile.is_untouched()
    assert [row for row in rows if row.code == "internal_error"] == []


def test_links_pipes_and_sockets_are_quarantined_unopened(bench: ImportBench) -> None:
    inbox = inbox_of(bench)
    (bench.folder / "secret.csv").write_text("order_id\n")
    (inbox.folder / "link.csv").symlink_to(bench.folder / "secret.csv")
    os.mkfifo(inbox.folder / "pipe.csv")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(inbox.folder / "socket.csv"))
        take_in(bench)
    assert {(row.file_name, row.code) for row in quarantined(bench)} == {
        ("link.csv", "not_a_file"),
        ("pipe.csv", "not_a_file"),
        ("socket.csv", "not_a_file"),
    }
    assert (inbox.folder / "quarantine" / "link.csv").is_symlink()


def test_an_unexpected_error_concerns_its_file_only_and_is_logged_with_its_trace(
    bench: ImportBench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("a.csv", "b.csv", "c.csv"):
        drop(bench, name, Line(name))
    stage_file = dropped_files.stage_file

    def stage(*arguments: object, **more: object) -> Import:
        if "b.csv" in str(arguments[2]):
            raise ZeroDivisionError("division by 'customer data'")
        return stage_file(*arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(dropped_files, "stage_file", stage)
    take_in(bench)
    (row,) = quarantined(bench)
    assert (row.file_name, row.code) == ("b.csv", "internal_error")
    assert "ZeroDivisionError" in row.message
    assert "customer data" not in row.message
    assert "Traceback" in caplog.text or "ZeroDivisionError" in caplog.text
    assert sorted(key[:5] for key in waiting(bench)) == ["a.csv", "c.csv"]


@pytest.mark.parametrize(
    "outage", [StagingUnavailable("it does not answer"), OperationalError("SELECT", {}, Exception("gone"))]
)
def test_an_outage_blames_no_file_and_the_next_look_goes_on(
    bench: ImportBench, monkeypatch: pytest.MonkeyPatch, outage: Exception
) -> None:
    for name in ("a.csv", "b.csv"):
        drop(bench, name, Line(name))

    def stage(*_: object, **__: object) -> Import:
        raise outage

    dropped = DroppedFiles(inbox_of(bench))
    with monkeypatch.context() as broken:
        broken.setattr(dropped_files, "stage_file", stage)
        with pytest.raises(type(outage)):
            take_in(bench, dropped)
    assert quarantined(bench) == []
    # The file that caused it waits a moment, so that it does not delay the others.
    take_in(bench, dropped)
    assert len(waiting(bench)) == 1
    monkeypatch.setattr(dropped_files, "TRY_AGAIN_SECONDS", 0)
    take_in(bench, dropped)
    assert len(waiting(bench)) == 2


def test_a_link_in_the_place_of_done_stops_the_look_and_says_so(
    bench: ImportBench, instance: DagsterInstance
) -> None:
    file = drop(bench, "a.csv", Line("1"))
    elsewhere = bench.folder / "elsewhere"
    elsewhere.mkdir()
    (file.parent / "done").symlink_to(elsewhere)
    with pytest.raises(InboxUnusable, match="done is a symbolic link"):
        tick_inbox(bench, instance)
    assert file.exists()
    (file.parent / "done").unlink()
    assert len(tick_inbox(bench, instance)) == 1
    assert list(elsewhere.iterdir()) == []


def test_what_is_staged_is_launched_although_more_is_left(
    bench: ImportBench, instance: DagsterInstance
) -> None:
    for number in range(3):
        drop(bench, f"{number}.csv", Line(f"n{number}"))
    dropped = DroppedFiles(inbox_of(bench))
    assert dropped.take_in(bench.engine, bench.staging, seconds=0)
    (first,) = launch_requests(instance, bench.engine)
    tags = {"dagster/partition": str(first.partition_key), "dagster/run_key": str(first.run_key)}
    create_run(instance, IMPORT_ORDERS, status=DagsterRunStatus.NOT_STARTED, tags=tags)
    while dropped.take_in(bench.engine, bench.staging, seconds=0):
        pass
    assert len(launch_requests(instance, bench.engine)) == 2


def test_a_tick_does_not_wait_for_a_long_file_and_launches_it_later(
    bench: ImportBench, instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sensors, "ATTEND_SECONDS", 0.1)
    goes_on, stage_file = Event(), dropped_files.stage_file

    def stage(*arguments: object, **more: object) -> Import:
        goes_on.wait(60)
        return stage_file(*arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(dropped_files, "stage_file", stage)
    drop(bench, "long.csv", Line("1"))
    inbox_sensor = sensor_named(bench, "inbox_sensor", stable_seconds=0)

    def look() -> list[RunRequest]:
        definitions = build_definitions(bench.settings)
        with build_sensor_context(
            instance=instance,
            repository_def=definitions.get_repository_def(),
            resources=definitions.resources,
        ) as context:
            result = inbox_sensor(context)
        return list(result.run_requests or []) if isinstance(result, SensorResult) else []

    assert look() == []
    assert look() == []
    goes_on.set()
    monkeypatch.setattr(sensors, "ATTEND_SECONDS", 60)
    assert len(look()) == 1


def test_a_pause_stops_the_look_between_two_files(
    bench: ImportBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.csv", "b.csv"):
        drop(bench, name, Line(name))
    answers = [True, False]
    monkeypatch.setattr(dropped_files, "_is_paused", lambda _: answers.pop())
    take_in(bench)
    assert len(waiting(bench)) == 1


def test_a_file_that_cannot_be_moved_waits_and_holds_up_no_other(
    bench: ImportBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.csv", "b.csv"):
        drop(bench, name, Line(name))
    keep = Inbox.keep

    def keep_but_one(inbox: Inbox, path: Path) -> Path:
        if path.name == "a.csv":
            raise PermissionError(1, "Operation not permitted")
        return keep(inbox, path)

    monkeypatch.setattr(Inbox, "keep", keep_but_one)
    dropped = DroppedFiles(inbox_of(bench))
    take_in(bench, dropped)
    assert len(waiting(bench)) == 2
    assert [name for _, name in dropped.troubled] == ["a.csv"]
    assert quarantined(bench) == []


def test_a_new_file_does_not_wait_for_a_backlog(bench: ImportBench) -> None:
    for number in range(10):
        drop(bench, f"a{number}.csv", Line(f"n{number}"))
    drop(bench, "z.csv", Line("z"))
    dropped = DroppedFiles(inbox_of(bench))
    order = [name for _, name in dropped._in_turn()]
    assert order[:2] == ["a0.csv", "z.csv"]
    assert sorted(order) == sorted([f"a{number}.csv" for number in range(10)] + ["z.csv"])


def test_files_that_0_1_0_quarantined_become_rows_with_the_reason_of_their_note(bench: ImportBench) -> None:
    folder = inbox_of(bench).folder / "quarantine"
    folder.mkdir()
    (folder / "old.csv").write_text("what")
    (folder / "old.csv.reason.txt").write_text("header_missing\nold.csv has no header.\nAdd one.\n")
    (folder / os.fsdecode(b"odd\xff.csv")).write_text("what")
    for _ in range(2):
        take_in(bench)
    odd, old = sorted(quarantined(bench), key=lambda row: row.file_name)
    assert (old.code, old.message, old.hint) == ("header_missing", "old.csv has no header.", "Add one.")
    assert (odd.kept_as, odd.code) == (r"odd\xff.csv", "unknown")
    assert (folder / odd.kept_as).exists()


def test_a_row_whose_file_is_gone_is_closed(bench: ImportBench) -> None:
    drop(bench, "bad.csv").write_text("what")
    take_in(bench)
    assert len(quarantined(bench)) == 1
    (bench.settings.inbox_folder / "quarantine" / "bad.csv").unlink()
    take_in(bench)
    assert quarantined(bench) == []


def test_a_file_that_was_taken_out_of_the_inbox_meanwhile_harms_nothing(
    bench: ImportBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(bench, "a.csv", Line("1"))
    waits = Inbox.waiting
    monkeypatch.setattr(Inbox, "waiting", lambda inbox: [(1, "gone.csv"), *waits(inbox)])
    take_in(bench)
    assert len(waiting(bench)) == 1
    assert quarantined(bench) == []
