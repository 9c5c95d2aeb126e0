"""Follows imports that the launcher of the home runs, by reading the order store. Does not load Dagster."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from sqlalchemy import Engine

from cli.failure import CommandFailed
from cli.output import progress
from cli.stack.layout import Layout
from cli.stack.supervision.stopped import workers_stopped
from cli.stack.supervision.supervisor import Condition, Supervisor
from orders_pipeline.base.launch_socket import LauncherAbsentError, LaunchSocket, RunFailed, RunSeen
from orders_pipeline.base.model import ImportStatus
from orders_pipeline.imports.import_row import Import, get_import
from orders_pipeline.imports.state.to_launch import want_runs
from orders_pipeline.store.engine import reading

LOOK_SECONDS, LOOK_LATER_SECONDS = 0.05, 0.25
QUICK_SECONDS = 10.0
ASK_SECONDS = 1.0
# The watchdog launches imports again whose run died.
NEXT_RUN_WITHIN_SECONDS = 180.0
CANCEL_WITHIN_SECONDS = 3.0


@dataclass(slots=True)
class FollowedImports:
    """Requests imports from the programs of `orders up`, and waits for them.

    Attributes:
        keys: partition keys of the imports that this command has requested.
    """

    engine: Engine
    layout: Layout
    launcher: LaunchSocket
    keys: list[str] = field(default_factory=list)

    def ask_for(self, staged: Sequence[Import]) -> None:
        """Requests runs. From here on, the imports continue even if this command is stopped."""
        self.keys = [one.key for one in staged]
        with self.engine.begin() as connection:
            want_runs(connection, self.keys)
        # If the launcher does not answer, a sensor launches them.
        with suppress(LauncherAbsentError):
            self.launcher.launch(self.keys)

    def wait_for(self, staged: Import) -> None:
        """Waits until an import is finished or refused.

        Raises:
            RunFailed: its run failed or was canceled.
            StackError: the programs of `orders up` were stopped.
        """
        began = asked = time.monotonic()
        failed_since: float | None = None
        while not self._has_ended(staged):
            now = time.monotonic()
            if now - asked > ASK_SECONDS:
                asked = now
                self._require_stack()
                run = self._run_of(staged.key)
                failed_since = (failed_since or now) if run.has_ended_without_success else None
                if failed_since and (run.causes or now - failed_since > NEXT_RUN_WITHIN_SECONDS):
                    self._fail(staged, run)
            time.sleep(LOOK_SECONDS if now - began < QUICK_SECONDS else LOOK_LATER_SECONDS)

    def cancel(self) -> None:
        """Cancels the runs of imports that have not ended."""
        for key in self.keys:
            with suppress(LauncherAbsentError):
                self.launcher.cancel(key)

    def _has_ended(self, staged: Import) -> bool:
        with reading(self.engine) as connection:
            found = get_import(connection, staged.key)
        if found.status is ImportStatus.REFUSED and found.run_id != staged.run_id:
            raise RunFailed(found.refused_because)
        return found.status is ImportStatus.FINISHED

    def _fail(self, staged: Import, run: RunSeen) -> None:
        # The import may have finished since the last check.
        if not self._has_ended(staged):
            causes = "; ".join(run.causes) or f"run {run.run_id} ended without success"
            raise RunFailed("the run was canceled" if run.status == "CANCELED" else causes)

    def _run_of(self, key: str) -> RunSeen:
        try:
            return self.launcher.run_of(key)
        except LauncherAbsentError:
            return RunSeen()

    def _require_stack(self) -> None:
        if Supervisor(self.layout).condition() is not Condition.RUNNING:
            raise workers_stopped()


def leave_or_cancel(imports: FollowedImports) -> CommandFailed:
    """After Ctrl-C, says that the imports continue, and cancels them if the user presses Ctrl-C again."""
    keys = " ".join(imports.keys[:3]) + (" ..." if len(imports.keys) > 3 else "")
    left = CommandFailed(
        "left_running",
        f"The command was interrupted. The import of {keys} continues.",
        "`orders files KEY` shows its progress, and the same `orders import` waits for it. "
        "`orders cancel --file KEY` cancels what is not charged yet.",
    )
    try:
        progress.print(
            "[yellow]The import continues. "
            f"Press Ctrl-C again within {CANCEL_WITHIN_SECONDS:.0f} seconds to cancel it.[/]"
        )
        time.sleep(CANCEL_WITHIN_SECONDS)
    except KeyboardInterrupt:
        imports.cancel()
        return CommandFailed(
            "canceled",
            f"The import of {keys} was canceled. What was charged stays charged.",
            "Import the file again. The import continues where it stopped.",
        )
    return left
