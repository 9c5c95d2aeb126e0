"""Imports files through Dagster: stages, runs, waits, publishes and reports."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from sqlalchemy import Engine

from cli.failure import CommandFailed
from cli.output import error_object, explained, progress
from cli.refused_connections import FULL
from cli.runs.followed_imports import FollowedImports, leave_or_cancel
from cli.runs.import_progress import showing_progress
from cli.stack.layout import Layout
from cli.stack.stack import (
    RunningWorkers,
    are_programs_serving,
    running_workers,
    serving_workers,
    stack_status,
)
from cli.stack.supervision.stopped import ended_with_the_stack, workers_stopped
from orders_pipeline.base.launch_socket import LaunchSocket, RunFailed
from orders_pipeline.base.model import ImportStatus
from orders_pipeline.base.settings import Settings
from orders_pipeline.figures.kpis.due import are_due
from orders_pipeline.figures.kpis.publisher import publisher_elsewhere
from orders_pipeline.imports.arrival.intake import IntakePause, IntakePausedError, current_pause
from orders_pipeline.imports.arrival.staged import stage_file
from orders_pipeline.imports.import_row import Import, get_import, is_new
from orders_pipeline.imports.results.report import ImportReport, report_again, report_import
from orders_pipeline.order_files.reading_instructions import NOTHING_SAID, ReadingInstructions
from orders_pipeline.staging.staging import open_staging
from orders_pipeline.store.engine import reading
from orders_pipeline.store.kpi_days import are_published, due_versions

if TYPE_CHECKING:
    from dagster import DagsterInstance

MICROSECONDS = 1_000_000
LOOK_SECONDS, LOOK_FOR_FIGURES_SECONDS = 1.0, 0.05
PUBLISHED_WITHIN_SECONDS = 300


@dataclass(slots=True)
class FileRun:
    """The outcome of one file of the command line."""

    path: Path
    staged: Import | None = None
    report: ImportReport | None = None
    error: CommandFailed | None = None

    @property
    def document(self) -> dict[str, Any]:
        """The document for `--json`, without how the file was read; `orders files KEY` shows that."""
        if self.error or self.report is None:
            return error_object(self.error or CommandFailed("not_imported", f"{self.path} was not imported."))
        figures = asdict(self.report)
        del figures["detected"]
        return figures


@dataclass(frozen=True, slots=True)
class ImportCommand:
    """`orders import` for one home.

    Attributes:
        started_at: start of the command, in seconds since 1970.
        wait: whether new files wait while the intake is paused; otherwise they are refused.
        look_seconds: seconds between two looks at what the command waits for.
    """

    settings: Settings
    engine: Engine
    started_at: float
    wait: bool = False
    look_seconds: float = LOOK_SECONDS

    def run(self, files: list[Path], instructions: ReadingInstructions = NOTHING_SAID) -> list[FileRun]:
        """Imports files; a refused file does not stop the others. Many small files share runs."""
        runs = [FileRun(path) for path in files]
        for run in runs:
            self._stage(run, instructions)
        waiting = [run for run in runs if run.staged]
        if waiting or are_due(self.engine, self.settings.warehouse):
            self._import(waiting)
        return runs

    def settle(self, reopened: list[Import]) -> list[FileRun]:
        """Runs imports with open orders until all orders are settled."""
        runs = [FileRun(Path(one.file_name), staged=one) for one in reopened]
        if runs:
            self._import(runs)
        return runs

    def _stage(self, run: FileRun, instructions: ReadingInstructions) -> None:
        staging = open_staging(self.settings)
        try:
            staged = stage_file(self.engine, staging, run.path, instructions)
        except Exception as error:  # noqa: BLE001 one file's failure is an entry of the report
            run.error = explained(error)
            return
        if self._was_finished(run, staged):
            return
        try:
            self._let_in(staged)
        except IntakePausedError as error:
            run.error = explained(error)
            return
        run.staged = staged

    def _let_in(self, staged: Import) -> None:
        """Waits while the intake is paused, if `wait` is set.

        Raises:
            IntakePausedError: the intake is paused, and `wait` is not set.
        """
        is_announced = False
        while is_new(staged) and (pause := self._pause()):
            if not self.wait:
                raise IntakePausedError(staged.file_name, pause)
            if not is_announced:
                progress.print(f"[dim]{escape(staged.file_name)} waits: {escape(str(pause))}[/]")
                is_announced = True
            time.sleep(self.look_seconds)

    def _pause(self) -> IntakePause | None:
        with reading(self.engine) as connection:
            return current_pause(connection)

    def _was_finished(self, run: FileRun, staged: Import) -> bool:
        """Returns whether a file was imported before, possibly by this command, and adds its report."""
        with reading(self.engine) as connection:
            found = get_import(connection, staged.key)
            if found.status is not ImportStatus.FINISHED:
                return False
            run.report = report_again(connection, found)
            return True

    def _why(self, staged: Import, failed: Exception) -> CommandFailed:
        with reading(self.engine) as connection:
            found = get_import(connection, staged.key)
        if found.refused_code:
            seen = f" `orders rejects {found.key}` shows the rejected lines." if found.parsed else ""
            hint = f"No order of the file was imported.{seen}"
            return CommandFailed(found.refused_code, str(found.refused_because), hint)
        if not self.settings.redis_url and not stack_status(self.settings).running:
            return workers_stopped()
        first = "Free space on the disk of ORDERS_HOME. Then import" if FULL.search(str(failed)) else "Import"
        return CommandFailed(
            "run_failed",
            f"The import of {staged.file_name} failed: {failed}",
            f"{first} the file again. The import continues where it stopped.",
        )

    def _import(self, runs: list[FileRun]) -> None:
        layout = Layout(self.settings.home)
        launcher = LaunchSocket(layout.run)
        if are_programs_serving(layout) and launcher.is_there():
            self._follow(FollowedImports(self.engine, layout, launcher), runs)
        else:
            self._run_here(runs)

    def _follow(self, imports: FollowedImports, runs: list[FileRun]) -> None:
        """Has the imports run by the programs of `orders up`."""
        try:
            imports.ask_for(list(_by_key(runs).values()))
            _warn_of(serving_workers(self.settings))
            self._settle_all(runs, imports.wait_for)
            self._wait_for("`orders up`", runs)
        except KeyboardInterrupt:
            interrupted = leave_or_cancel(imports)
            for run in runs:
                run.error = run.error or (None if run.report else interrupted)

    def _run_here(self, runs: list[FileRun]) -> None:
        """Runs the imports in this process."""
        with ExitStack() as stack:
            workers = running_workers(self.settings, say=progress.print, meanwhile=_load_dagster)
            _warn_of(stack.enter_context(workers))
            stack.enter_context(ended_with_the_stack(Layout(self.settings.home)))
            from jobs.launch import dagster_instance  # noqa: PLC0415 Dagster takes two seconds to load
            from jobs.publish_figures import publish_figures  # noqa: PLC0415

            instance = stack.enter_context(dagster_instance(self.settings))
            self._run_all(instance, runs)
            if publisher := publisher_elsewhere(self.engine, self.settings.warehouse):
                progress.print(f"[dim]Waiting for {publisher} to publish the figures[/]", highlight=False)
                self._wait_for(publisher, runs)
                return
            try:
                publish_figures(instance)
            except RunFailed as failed:
                _tell_unpublished(runs, failed)

    def _wait_for(self, publisher: str, runs: list[FileRun]) -> None:
        wanted, deadline = due_versions(self.engine), time.monotonic() + PUBLISHED_WITHIN_SECONDS
        while not are_published(self.engine, wanted):
            if time.monotonic() > deadline:
                _tell_unpublished(runs, TimeoutError(f"{publisher} did not publish them. Check that it runs"))
                return
            time.sleep(LOOK_FOR_FIGURES_SECONDS)

    def _run_all(self, instance: DagsterInstance, runs: list[FileRun]) -> None:
        from cli.runs.import_runs import ImportRuns  # noqa: PLC0415

        since = datetime.fromtimestamp(self.started_at, UTC)
        in_dagster = ImportRuns(self.engine, instance, since, self.settings.run_patience, self.look_seconds)
        in_dagster.run_small_files(list(_by_key(runs).values()))
        self._settle_all(runs, in_dagster.run_to_end)

    def _settle_all(self, runs: list[FileRun], wait: Callable[[Import], None]) -> None:
        """Waits for each import, and adds its report."""
        began, settled = self.started_at, set[str]()
        for run in runs:
            # A file that is named twice is imported once.
            if run.staged and not (run.staged.key in settled and self._was_finished(run, run.staged)):
                self._settle(run, run.staged, wait, began)
                settled.add(run.staged.key)
            began = time.time()

    def _settle(self, run: FileRun, staged: Import, wait: Callable[[Import], None], began: float) -> None:
        try:
            with showing_progress(self.engine, staged):
                wait(staged)
        except RunFailed as failed:
            run.error = self._why(staged, failed)
            return
        except Exception as error:  # noqa: BLE001 one file's failure is an entry of the report
            run.error = explained(error)
            return
        with reading(self.engine) as connection:
            found = get_import(connection, staged.key)
            if found.status is not ImportStatus.FINISHED:
                run.error = CommandFailed(
                    "not_settled",
                    f"The run of {found.file_name} ended, but not every order is settled.",
                    "Import the file again. The import continues where it stopped.",
                )
                return
            settled_at = (found.settled_at or 0) / MICROSECONDS
            since = began if settled_at > began else self.started_at
            run.report = report_import(connection, found, max(settled_at - since, 0.0))


def _by_key(runs: list[FileRun]) -> dict[str, Import]:
    """The staged imports; a file that is named twice is one import."""
    return {run.staged.key: run.staged for run in runs if run.staged}


def _tell_unpublished(runs: list[FileRun], failed: Exception) -> None:
    for run in runs:
        run.error = run.error or CommandFailed(
            "not_published",
            f"The orders of {run.path.name} are settled, but their figures could not be published: {failed}",
            "Import the file again, or run `orders up`, which publishes pending figures.",
        )


def _load_dagster() -> None:
    # Loading takes two seconds, while the workers start.
    import_module("definitions")


def _warn_of(workers: RunningWorkers) -> None:
    if workers.other_settings:
        names = ", ".join(workers.other_settings)
        progress.print(f"[yellow]The running workers use other values of {names}.[/]")
    if workers.other_code:
        progress.print(
            "[yellow]The running workers use another version of the code. `orders up` restarts them.[/]"
        )
