"""The nightly backup, as Dagster runs it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance, DefaultScheduleStatus

from jobs.care.backups import backup_job, backup_schedule
from orders_pipeline.backup.backup import back_up
from orders_pipeline.base.settings import Settings
from orders_pipeline.store.engine import open_engine
from orders_pipeline.store.migrate import ensure_current
from resources.order_store import OrderStore


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", backup_folder=tmp_path / "backups", backups_kept=2)


@pytest.fixture
def resources(settings: Settings) -> dict[str, Any]:
    return {"order_store": OrderStore(settings.store_url)}


def test_the_schedule_is_on_where_a_folder_is_named(settings: Settings) -> None:
    none = settings.model_copy(update={"backup_folder": None})
    assert backup_schedule(settings).default_status is DefaultScheduleStatus.RUNNING
    assert backup_schedule(none).default_status is DefaultScheduleStatus.STOPPED


def test_a_run_makes_a_backup_and_removes_the_oldest(
    settings: Settings, resources: dict[str, Any], tmp_path: Path
) -> None:
    engine = open_engine(settings.store_url)
    ensure_current(engine)
    older = [tmp_path / "backups" / f"orders-2026010{day}T023000Z.tar.gz" for day in (1, 2)]
    for file in older:
        back_up(engine, settings, file)
    engine.dispose()
    with DagsterInstance.ephemeral() as instance:
        assert backup_job(settings).execute_in_process(instance=instance, resources=resources).success
    left = sorted(path.name for path in (tmp_path / "backups").iterdir())
    assert left[0] == older[1].name
    assert len(left) == 2


def test_a_run_without_a_folder_fails_and_names_the_setting(
    settings: Settings, resources: dict[str, Any]
) -> None:
    none = settings.model_copy(update={"backup_folder": None})
    with DagsterInstance.ephemeral() as instance:
        result = backup_job(none).execute_in_process(
            instance=instance, resources=resources, raise_on_error=False
        )
    failure = result.failure_data_for_node("back_up_order_store")
    assert failure is not None
    assert "ORDERS_BACKUP_FOLDER" in str(failure.user_failure_data and failure.error)
