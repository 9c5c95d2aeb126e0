"""The engines of Dagster's SQLite files."""

from pathlib import Path

import pytest
from dagster import DagsterInstance, job, op
from sqlalchemy import Engine, event
from sqlalchemy.sql.compiler import SQLCompiler

from jobs.dagster_seams.storage_engines import SQLITE_STORES, keep_engines

QUIET = {"telemetry": {"enabled": False}}


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that SQLAlchemy compiled."""
    for module in SQLITE_STORES:
        # What stands there now comes back after the test.
        monkeypatch.setattr(module, "create_engine", vars(module)["create_engine"])
    texts: list[str] = []
    compile_ = SQLCompiler.__init__

    def note(self: SQLCompiler, *args: object, **options: object) -> None:
        compile_(self, *args, **options)  # type: ignore[arg-type]
        texts.append(self.string)

    monkeypatch.setattr(SQLCompiler, "__init__", note)
    return texts


def test_a_query_is_compiled_once_and_its_connection_is_closed(
    tmp_path: Path, compiled: list[str], request: pytest.FixtureRequest
) -> None:
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
    assert len(closed) == 3


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
