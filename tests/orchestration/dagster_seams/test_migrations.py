"""Dagster's stores opened again in one process."""

from pathlib import Path

import pytest
from alembic.script import Script, ScriptDirectory
from dagster import DagsterInstance
from dagster._core.storage import sql

from jobs.dagster_seams.migrations import read_migrations_now, read_migrations_once
from tests.new_stores import read_always

QUIET = {"telemetry": {"enabled": False}}


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the migrations that Alembic has loaded."""
    names: list[str] = []
    load = Script._from_path

    def note(directory: ScriptDirectory, path: Path) -> Script | None:
        names.append(path.name)
        return load(directory, path)

    monkeypatch.setattr(Script, "_from_path", note)
    monkeypatch.setattr(ScriptDirectory, "from_config", read_always)
    # The original value is restored after the test.
    monkeypatch.setattr(sql, "ScriptDirectory", ScriptDirectory)
    return names


def test_migrations_are_read_the_first_time_only(tmp_path: Path, loaded: list[str]) -> None:
    read_migrations_once()
    newest_version(tmp_path / "first")
    once = len(loaded)
    assert once > 0
    assert newest_version(tmp_path / "first") == newest_version(tmp_path / "first")
    assert len(loaded) == once


def test_no_store_reads_migrations_that_were_read_before(tmp_path: Path, loaded: list[str]) -> None:
    newest_version(tmp_path / "first")
    read_migrations_once()
    loaded.clear()
    read_migrations_now()
    once = len(loaded)
    assert once > 0
    newest_version(tmp_path / "first")
    assert len(loaded) == once


def test_new_stores_have_the_newest_version_anyway(tmp_path: Path, loaded: list[str]) -> None:
    read_migrations_once()
    assert newest_version(tmp_path / "first") == newest_version(tmp_path / "second")
    assert loaded


def newest_version(home: Path) -> object:
    """Version of the run store in a home, after a check that it is the newest."""
    home.mkdir(exist_ok=True)
    with DagsterInstance.local_temp(str(home), overrides=QUIET) as instance:
        version, newest = instance.run_storage.alembic_version() or ("", None)
    assert version == newest
    return version
