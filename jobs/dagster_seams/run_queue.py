"""Dagster's run queue, which launches a run at once unless a limit is reached.

For: speed. Dagster's daemon polls the queue once a second.
Without it: everything works, but each run starts up to a second later.
Instead: an option of `QueuedRunCoordinator`, or that class in a public module.
"""

from __future__ import annotations

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, RunsFilter
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin
from dagster._core.run_coordinator import QueuedRunCoordinator, SubmitRunContext
from dagster._core.storage.dagster_run import ACTIVE_RUN_STATUSES
from dagster._utils.tags import TagConcurrencyLimitsCounter

QUEUED_RUNS_SEEN = 100


class DirectRunQueue(QueuedRunCoordinator[DagsterInstance]):
    """Launches a run in the process that submits it, unless a limit is reached or another run waits.

    The daemon launches queued runs by priority. Two processes that submit at the same moment may exceed a
    limit by one run; the daemon then waits longer.
    """

    def submit_run(self, context: SubmitRunContext) -> DagsterRun:
        """Launches the run or queues it."""
        run = context.dagster_run
        if run.status is DagsterRunStatus.NOT_STARTED and _stays(context) and has_room(self._instance, run):
            return self._instance.launch_run(run.run_id, context.workspace)
        return super().submit_run(context)


def has_room(instance: DagsterInstance, run: DagsterRun) -> bool:
    """Whether no limit is reached, and no other run that could be launched is waiting."""
    config = instance.get_concurrency_config().run_queue_config
    if config is None:
        return False
    active = instance.get_run_records(RunsFilter(statuses=ACTIVE_RUN_STATUSES))
    if -1 < config.max_concurrent_runs <= len(active):
        return False
    limits = TagConcurrencyLimitsCounter(
        config.tag_concurrency_limits, [record.dagster_run for record in active]
    )
    queued = instance.get_runs(RunsFilter(statuses=[DagsterRunStatus.QUEUED]), limit=QUEUED_RUNS_SEEN)
    return all(map(limits.is_blocked, queued)) and not limits.is_blocked(run)


def _stays(context: SubmitRunContext) -> bool:
    """Whether the code server of a run outlives this process.

    The code server of `dagster job launch` does not.
    """
    origin = context.dagster_run.remote_job_origin
    if origin is None:
        return False
    name = origin.repository_origin.code_location_origin.location_name
    if not context.workspace.has_code_location(name):
        return False
    return isinstance(context.workspace.get_code_location(name).origin, GrpcServerCodeLocationOrigin)
