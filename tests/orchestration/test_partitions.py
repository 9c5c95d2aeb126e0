"""A staged file becomes a partition, even if several processes add it at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from dagster import DagsterInstance
from sqlalchemy.exc import IntegrityError

from jobs.imports.partitions import ORDER_FILES, register_partition

KEY = "a.csv-0123456789ab"


def test_another_process_that_registers_first_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with DagsterInstance.local_temp(str(tmp_path)) as instance:
        # Dagster's own check before the insert finds nothing, although the other process has just inserted.
        instance.add_dynamic_partitions(ORDER_FILES, [KEY])
        storage = type(instance.event_log_storage)
        looks = iter([False, True])
        monkeypatch.setattr(storage, "has_dynamic_partition", lambda *_: next(looks))
        monkeypatch.setattr(storage, "add_dynamic_partitions", _insert_again)
        register_partition(instance, KEY)
        monkeypatch.undo()
        assert list(instance.get_dynamic_partitions(ORDER_FILES)) == [KEY]


def _insert_again(*_: object) -> None:
    raise IntegrityError("INSERT INTO dynamic_partitions", {}, Exception("UNIQUE constraint failed"))


def test_a_key_that_could_not_be_registered_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with DagsterInstance.local_temp(str(tmp_path)) as instance:
        monkeypatch.setattr(type(instance.event_log_storage), "add_dynamic_partitions", _insert_again)
        with pytest.raises(IntegrityError):
            register_partition(instance, KEY)
