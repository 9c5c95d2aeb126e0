"""The engines of Dagster's SQLite files."""

from contextlib import ExitStack
from pathlib import Path

import pytest
from dagster import DagsterInstance, job, op
from dagster._core.storage.runs.sqlite import SqliteRunStorage
from dagster._core.storage.schedules.sql_schedule_storage import SqlScheduleStorage
from dagster._core.storage.sql import create_engine
from sqlalchemy import Engine, Inspector, event
from sqlalchemy.sql.compiler import SQLCompiler

from jobs.dagster_seams.storage_engines import LOOKED_UP, SQLITE_STORES, keep_engines, remember_tables

QUIET = {"telemetry": {"enabled": False}}


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that SQLAlchemy compiled."""
    for module in SQLITE_STORES:
        # The original value is restored after the test.
        monkeypatch.setattr(module, "create_engine", create_engine)
    texts: list[str] = []
    compile_ = SQLCompiler.__init__

    def note(self: SQLCompiler, *args: object, **options: object) -> None:
        compile_(self, *args, **options)  # type: ignore[arg-type]
        texts.append(self.string)

    monkeypatch.setattr(SQLCompiler, "__init__", note)
    return texts


@pytest.mark.parametrize("connections", [False, True])
def test_a_query_is_compiled_once_and_only_servers_keep_its_connection(
    tmp_path: Path, compiled: list[str], request: pytest.FixtureRequest, connections: bool
) -> None:
    keep_engines(connections=connections)
    # A server loads the definitions later; they do not change the setting.
    keep_engines()
    closed = []

    def note(*_: object) -> None:
        closed.append(None)

    event.listen(Engine, "close", note)
    request.addfinalizer(lambda: event.remove(Engine, "close", note))
    with DagsterInstance.local_temp(str(tmp_path), overrides=QUIET) as instance:
        instance.get_runs(limit=1)
        compiled.clear()
        closed.clear()
        for _ in range(3):
            assert instance.get_runs(limit=1) == []
    assert compiled == []
    assert len(closed) == (0 if connections else 3)


@pytest.mark.usefixtures("compiled")
def test_kept_connections_have_no_limit(tmp_path: Path) -> None:
    keep_engines(connections=True)
    with DagsterInstance.local_temp(str(tmp_path), overrides=QUIET) as instance, ExitStack() as stack:
        storage = instance.run_storage
        assert isinstance(storage, SqliteRunStorage)
        # Otherwise threads that each hold one and need another would wait for each other.
        for _ in range(40):
            stack.enter_context(storage.connect())


def test_a_server_looks_up_once_which_tables_and_columns_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for owner, name in LOOKED_UP:
        # The original value is restored after the test.
        monkeypatch.setattr(owner, name, getattr(owner, name))
    remember_tables()
    looked = []
    with DagsterInstance.local_temp(str(tmp_path), overrides=QUIET) as instance:
        instance.all_instigator_state()
        instance.get_run_records()
        for name in ("has_secondary_index_table", "get_table_names", "get_columns"):
            owner = SqlScheduleStorage if name.startswith("has") else Inspector
            monkeypatch.setattr(owner, name, lambda *_, name=name: looked.append(name) or [])
        assert instance.all_instigator_state() == []
        assert instance.get_run_records() == []
    assert looked == []


def test_runs_of_two_homes_are_kept_apart(tmp_path: Path, compiled: list[str]) -> None:
    keep_engines()

    @op
    def look() -> None:
        pass

    @job
    def looking() -> None:
        look()

    found = []
    for name in ("one", "other"):
        folder = tmp_path / name
        folder.mkdir()
        with DagsterInstance.local_temp(str(folder), overrides=QUIET) as instance:
            run_id = looking.execute_in_process(instance=instance).run_id
            assert [run.run_id for run in instance.get_runs()] == [run_id]
            found.append(len(instance.all_logs(run_id)))
    assert found[0] == found[1] > 0
    assert compiled
