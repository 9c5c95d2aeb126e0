"""The launcher: stages files from the inbox and launches imports as soon as there is work.

It runs in the code server, in addition to the sensors. All its state is in the store, so the sensors of
imports do the same work at their ticks if the launcher has stopped or is late.
"""

from __future__ import annotations

import json
import logging
import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any

from dagster import DagsterInstance, DagsterRunStatus, RunRecord, RunRequest, RunsFilter
from sqlalchemy import Engine

from jobs.dagster_seams.launches import CodeServerAbsentError, JobLauncher, job_launcher
from jobs.dagster_seams.runs import first_causes
from jobs.imports.launching.launcher_signs import note_round
from jobs.imports.launching.launching import (
    RUN_KEY_TAG,
    FilesWaitError,
    is_left,
    launch_requests,
    shared_requests,
)
from jobs.imports.lost.dead_runs import runs_of
from jobs.imports.runs.import_orders import IMPORT_ORDERS
from jobs.imports.runs.shared_runs import shared_run_of
from jobs.runs import PARTITION_TAG, RunPriority
from orders_pipeline.base.launch_socket import LONGEST_LINE, RunSeen, is_own_user, listening
from orders_pipeline.base.settings import Settings
from orders_pipeline.imports.arrival.dropped_files import DroppedFiles
from orders_pipeline.imports.import_row import find_import
from orders_pipeline.staging.inbox import Inbox
from orders_pipeline.staging.inbox_events import Watch, watching
from orders_pipeline.staging.staging import open_staging
from orders_pipeline.store.engine import reading
from resources.order_store import OrderStore

LAUNCHED_BY = {"orders/launched_by": "launcher"}
# Files that are staged at the same time, so that a large file, or one on a slow disk, does not delay others.
FILES_AT_ONCE = 4
IDLE_SECONDS, BUSY_SECONDS, AGAIN_SECONDS = 10.0, 1.0, 0.5
# During an outage, two stack traces a second would soon replace all older lines of the log.
AFTER_ERROR_SECONDS = 10.0
CONNECTION_SECONDS = 10.0
log = logging.getLogger(__name__)


class Launcher:
    """Launches imports in rounds: when a launch is requested, when a file arrives, and at intervals."""

    def __init__(
        self, settings: Settings, engine: Engine, instance: DagsterInstance, jobs: JobLauncher
    ) -> None:
        self._settings, self._engine, self._instance, self._jobs = settings, engine, instance, jobs
        self._dropped = DroppedFiles(Inbox(settings.inbox_folder), settings.zone)
        self._staging = open_staging(settings)
        self._round, self._wake = Lock(), Event()
        self._asked: set[str] = set()

    def run(self, stopping: Event) -> None:
        """Works until `stopping` is set."""
        self._submit_left()
        with ExitStack() as stack:
            pool = stack.enter_context(ThreadPoolExecutor(FILES_AT_ONCE, "inbox"))
            stack.callback(pool.shutdown, wait=False, cancel_futures=True)
            watch = stack.enter_context(
                watching(self._settings.inbox_folder, partial(_queue, pool, self.take))
            )
            while not stopping.is_set():
                self._look_after(watch, pool)
                left = self._try_round()
                self._wake.wait(BUSY_SECONDS if left else IDLE_SECONDS)
                self._wake.clear()

    def take(self, name: str) -> None:
        """Stages a file that is now complete, and launches its import."""
        try:
            if self._dropped.take_at_once(self._engine, self._staging, name):
                self._wake.set()
        except Exception as error:  # noqa: BLE001 the file stays, and the sensor tries it again
            log.warning("a file waits in the inbox: %s", error)

    def launch(self, keys: Sequence[str] = ()) -> bool:
        """Launches waiting imports, these ones first; returns whether some must wait."""
        with self._round:
            self._asked.update(keys)
            for request in launch_requests(self._instance, self._engine):
                self._launch(IMPORT_ORDERS, request)
            for request in shared_requests(self._instance, self._engine, self._settings):
                self._launch(str(request.job_name), request)
            left = is_left(self._instance, self._engine)
            if not left:
                self._asked.clear()
            note_round(self._settings)
        return left

    def wake(self, keys: Sequence[str]) -> None:
        """Starts a round that launches these imports first."""
        self._asked.update(keys)
        self._wake.set()

    def run_of(self, key: str) -> RunSeen:
        """Returns the newest run of an import."""
        record = self._newest_run(key)
        if record is None:
            return RunSeen()
        run = record.dagster_run
        causes = list(first_causes(self._instance, run.run_id)) if run.is_failure else []
        return RunSeen(run.status.value, run.run_id, causes)

    def cancel(self, key: str) -> bool:
        """Cancels the newest run of an import, unless it has ended or also imports other files."""
        record = self._newest_run(key)
        if record is None or record.dagster_run.is_finished or record.dagster_run.job_name != IMPORT_ORDERS:
            return False
        return self._instance.run_coordinator.cancel_run(record.dagster_run.run_id)

    def _newest_run(self, key: str) -> RunRecord | None:
        with reading(self._engine) as connection:
            found = find_import(connection, key)
        shared = shared_run_of(self._instance, found) if found else []
        records = [*self._instance.get_run_records(runs_of(key), limit=1), *shared]
        return max(records, key=lambda record: record.create_timestamp, default=None)

    def _launch(self, job_name: str, request: RunRequest) -> None:
        tags = {**request.tags, **LAUNCHED_BY}
        if request.run_key:
            tags[RUN_KEY_TAG] = request.run_key
        if request.partition_key:
            tags[PARTITION_TAG] = request.partition_key
        if request.partition_key in self._asked:
            tags |= RunPriority.ASKED_FOR.tag
        self._jobs.launch(job_name, tags, request.run_config)

    def _submit_left(self) -> None:
        """Submits runs that a launcher created before it was killed."""
        left = RunsFilter(tags=dict(LAUNCHED_BY), statuses=[DagsterRunStatus.NOT_STARTED])
        for run in self._instance.get_runs(left):
            self._jobs.submit(run)

    def _look_after(self, watch: Watch, pool: ThreadPoolExecutor) -> None:
        if watch.look_after():
            # There are no events for files that were complete before the watch started.
            for _, name in self._dropped.inbox.waiting():
                pool.submit(self.take, name)

    def _try_round(self) -> bool:
        try:
            return self.launch()
        except FilesWaitError as error:
            log.warning("%s", error)
        except Exception:
            log.exception("imports wait")
        return False


def serve_launcher(settings: Settings, code_socket: str, location: str, stopping: Event) -> None:
    """Runs a launcher for the code server in this process, and restarts it until `stopping` is set.

    Args:
        code_socket: path of the code server's Unix socket.
    """
    while not stopping.is_set():
        pause = AGAIN_SECONDS
        try:
            _serve(settings, code_socket, location, stopping)
        except CodeServerAbsentError:
            pass
        except Exception:
            log.exception("the launcher begins again")
            pause = AFTER_ERROR_SECONDS
        stopping.wait(pause)


def _serve(settings: Settings, code_socket: str, location: str, stopping: Event) -> None:
    if not Path(code_socket).exists():
        return
    with ExitStack() as stack:
        instance = stack.enter_context(DagsterInstance.get())
        jobs = stack.enter_context(job_launcher(instance, code_socket, location))
        engine = stack.enter_context(OrderStore(settings.store_url, home=settings.home).open())
        server = stack.enter_context(listening(settings.home / "run"))
        launcher = Launcher(settings, engine, instance, jobs)
        Thread(target=_answer, args=(server, launcher), name="launch-socket", daemon=True).start()
        launcher.run(stopping)


def _answer(server: socket.socket, launcher: Launcher) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        # Each request has its own thread, so that no request delays another one.
        Thread(target=_converse, args=(connection, launcher), name="launch-request", daemon=True).start()


def _converse(connection: socket.socket, launcher: Launcher) -> None:
    connection.settimeout(CONNECTION_SECONDS)
    with connection:
        if not is_own_user(connection):
            return
        try:
            with connection.makefile("rb") as questions:
                answer = _reply(launcher, json.loads(questions.readline(LONGEST_LINE)))
        except Exception as error:  # noqa: BLE001 whoever asks learns what is wrong
            log.warning("a question was not answered: %s", error)
            answer = {"error": f"{type(error).__name__}: {error}"}
        connection.sendall(json.dumps(answer).encode() + b"\n")


def _queue(pool: ThreadPoolExecutor, take: Callable[[str], None], name: str) -> None:
    pool.submit(take, name)


def _reply(launcher: Launcher, question: dict[str, Any]) -> dict[str, Any]:
    match question:
        case {"ask": "hello"}:
            return {"hello": time.time()}
        case {"ask": "launch", "keys": keys}:
            return {"left": launcher.launch(keys)}
        case {"ask": "wake", "keys": keys}:
            launcher.wake(keys)
            return {}
        case {"ask": "run", "key": key}:
            return asdict(launcher.run_of(key))
        case {"ask": "cancel", "key": key}:
            return {"canceled": launcher.cancel(key)}
    return {"error": "unknown question"}
