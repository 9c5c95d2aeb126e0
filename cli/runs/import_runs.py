"""Dagster's runs of the imports that a command requested."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dagster import DagsterInstance
from sqlalchemy import Engine

from cli.output import progress
from jobs.imports.launching.launching import groups_to_share, is_under_way
from jobs.launch import run_import, run_shared_import
from orders_pipeline.base.launch_socket import RunFailed
from orders_pipeline.base.model import ImportStatus
from orders_pipeline.imports.import_row import Import, get_import
from orders_pipeline.imports.state.lost_imports import HeartbeatClock
from orders_pipeline.store.engine import reading


@dataclass(frozen=True, slots=True)
class ImportRuns:
    """Runs imports in this process, except those that other processes have already started.

    Attributes:
        since: start time of the command.
        patience: seconds without a heartbeat after which a run of another process counts as dead.
        look_seconds: polling interval for such a run, in seconds.
    """

    engine: Engine
    instance: DagsterInstance
    since: datetime
    patience: float
    look_seconds: float

    def run_small_files(self, staged: Sequence[Import]) -> None:
        """Imports small files together, if there are many. Files that fail are not retried here."""
        for keys in groups_to_share(self.instance, staged):
            progress.print(f"[dim]Importing {len(keys)} small files together[/]", highlight=False)
            run_shared_import(self.instance, keys)

    def run_to_end(self, staged: Import) -> None:
        """Runs an import, unless another run has finished or refused it since the command started.

        Raises:
            RunFailed: the file was refused, or the run did not succeed.
        """
        self._wait_for_other_runs(staged)
        found = self._now(staged)
        if found.status is ImportStatus.REFUSED and found.run_id != staged.run_id:
            raise RunFailed(found.refused_because)
        if found.status is not ImportStatus.FINISHED:
            run_import(self.instance, staged.key)

    def _wait_for_other_runs(self, staged: Import) -> None:
        """Waits for a run that `orders up` launched since the command started, as for a reopened import."""
        clock = HeartbeatClock()
        while is_under_way(self.instance, staged.key, self.since):
            found = self._now(staged)
            silent = clock.unchanged_for(found.key, (found.run_id, found.run_beat_at, found.work_beat_at))
            if found.status is ImportStatus.FINISHED or silent > self.patience:
                return
            time.sleep(self.look_seconds)

    def _now(self, staged: Import) -> Import:
        with reading(self.engine) as connection:
            return get_import(connection, staged.key)
