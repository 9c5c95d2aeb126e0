"""Launches runs of a code server's jobs, as Dagster's webserver and daemon do.

For: launching imports from the code server's own process as soon as they are requested.
Without it: imports wait for a tick of a sensor.
Instead: a method of `DagsterInstance` that launches a job of a code server; `DagsterGraphQLClient` needs a
running webserver.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Any

from dagster import DagsterInstance, DagsterRun
from dagster._core.definitions.selector import JobSubsetSelector
from dagster._core.remote_representation.external import RemoteJob
from dagster._core.workspace.context import WorkspaceProcessContext, WorkspaceRequestContext
from dagster._core.workspace.load_target import GrpcServerTarget


class CodeServerAbsentError(RuntimeError):
    """The code server does not answer, or cannot load the definitions."""


class JobLauncher:
    """Launches runs of the jobs of one code server. Thread-safe."""

    def __init__(self, context: WorkspaceProcessContext) -> None:
        self._context = context
        self._lock = Lock()
        self._plans: dict[tuple[str, str], Any] = {}

    def launch(self, job_name: str, tags: Mapping[str, str], config: Mapping[str, Any] | None = None) -> str:
        """Submits a run to the run queue, which launches it or queues it. Returns the run's id.

        Raises:
            CodeServerAbsentError: the code server does not have the job.
        """
        workspace, instance = self._context.create_request_context(), self._context.instance
        job = _job(workspace, job_name)
        run = instance.create_run(
            job_name=job_name,
            run_id=None,
            run_config=config or {},
            status=None,
            tags={**(job.run_tags or {}), **tags},
            root_run_id=None,
            parent_run_id=None,
            step_keys_to_execute=None,
            execution_plan_snapshot=self._plan(workspace, job, config or {}),
            job_snapshot=job.job_snapshot,
            parent_job_snapshot=job.parent_job_snapshot,
            asset_selection=None,
            asset_check_selection=None,
            resolved_op_selection=job.resolved_op_selection,
            op_selection=None,
            remote_job_origin=job.get_remote_origin(),
            job_code_origin=job.get_python_origin(),
            asset_graph=workspace.get_code_location(job.handle.location_name)
            .get_repository(job.handle.repository_name)
            .asset_graph,
        )
        self.submit(run)
        return run.run_id

    def submit(self, run: DagsterRun) -> None:
        """Submits a run that was already created."""
        self._context.instance.submit_run(run.run_id, self._context.create_request_context())

    def _plan(self, workspace: WorkspaceRequestContext, job: RemoteJob, config: Mapping[str, Any]) -> Any:
        """Returns the plan of a job, which the code server computes once for each config."""
        key = (job.name, json.dumps(config, sort_keys=True))
        with self._lock:
            if key in self._plans:
                return self._plans[key]
        location = workspace.get_code_location(job.handle.location_name)
        made = location.get_execution_plan(
            job, config, step_keys_to_execute=None, known_state=None, instance=workspace.instance
        ).execution_plan_snapshot
        if not config:
            with self._lock:
                self._plans[key] = made
        return made


@contextmanager
def job_launcher(instance: DagsterInstance, socket: str, location: str) -> Iterator[JobLauncher]:
    """Yields a launcher for the code server on a Unix socket.

    Raises:
        CodeServerAbsentError: the code server does not answer.
    """
    target = GrpcServerTarget(host="localhost", port=None, socket=socket, location_name=location)
    with WorkspaceProcessContext(instance, target) as context:
        if context.create_request_context().code_location_errors():
            raise CodeServerAbsentError(f"the code server on {socket} does not answer")
        yield JobLauncher(context)


def _job(workspace: WorkspaceRequestContext, name: str) -> RemoteJob:
    for location in workspace.code_locations:
        for repository in location.get_repositories().values():
            if repository.has_job(name):
                selector = JobSubsetSelector(location.name, repository.name, name, None, None, None)
                return location.get_job(selector)
    raise CodeServerAbsentError(f"the code server has no job {name}")
