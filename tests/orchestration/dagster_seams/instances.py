"""Dagster instances in a test's folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dagster import DagsterInstance


@contextmanager
def local_instance(folder: Path, **overrides: Any) -> Iterator[DagsterInstance]:
    """An instance on SQLite that sends no telemetry; `overrides` are entries of its dagster.yaml."""
    home = folder / "dagster"
    home.mkdir()
    quiet = {"telemetry": {"enabled": False}}
    with DagsterInstance.local_temp(str(home), overrides=quiet | overrides) as instance:
        yield instance
