"""Sensors of the figures. They publish changed days, and rebuild leaderboards that Redis lost."""

import time
from collections.abc import Sequence

from dagster import (
    DefaultSensorStatus,
    ResourceParam,
    RunRequest,
    SensorDefinition,
    SensorEvaluationContext,
    SkipReason,
)

from jobs import sensor_intervals
from jobs.described import described_sensor
from jobs.figures.ops import PUBLISH_FIGURES
from jobs.figures.schedules import REBUILD_LEADERBOARDS
from jobs.runs import IsBeating, any_alive, unknown
from orders_pipeline.base.model import ImportStatus
from orders_pipeline.imports.import_row import imports_in
from orders_pipeline.imports.state.lost_imports import HeartbeatClock
from orders_pipeline.services.redis_clients import AWAY
from orders_pipeline.store.engine import reading
from resources.figures import FigureStores

ON = DefaultSensorStatus.RUNNING
WHILE_IMPORTING_EVERY_SECONDS = 60
# A refresh counts as dead after this multiple of `work_patience`, because it logs events only when it starts
# and ends.
PUBLISHING_MAY_BE_SILENT_FOR = 2
REBUILD_AGAIN_AFTER_SECONDS = 300


def figure_sensors(work_patience: float, is_beating: IsBeating = unknown) -> Sequence[SensorDefinition]:
    """Returns all sensors of this module, on by default.

    Args:
        work_patience: seconds for which workers may send no heartbeat.
        is_beating: tells whether a run sends heartbeats.
    """
    return [_changed_days_sensor(work_patience, is_beating), _missing_boards_sensor()]


def _changed_days_sensor(work_patience: float, is_beating: IsBeating) -> SensorDefinition:
    signs = HeartbeatClock()

    @described_sensor(
        name="changed_days_sensor",
        job_name=PUBLISH_FIGURES,
        minimum_interval_seconds=sensor_intervals.CHANGED_DAYS,
        default_status=ON,
    )
    def changed_days_sensor(
        context: SensorEvaluationContext, figures: ResourceParam[FigureStores]
    ) -> RunRequest | SkipReason:
        """Publishes figures of days whose orders changed, even by other machines, and lost figures."""
        with figures.open() as published:
            due = published.are_due() or published.file_is_due()
            with reading(published.engine) as connection:
                busy = bool(imports_in(connection, ImportStatus.RUNNING))
        silence = PUBLISHING_MAY_BE_SILENT_FOR * work_patience
        if not due or any_alive(context.instance, PUBLISH_FIGURES, signs, silence, is_beating):
            return SkipReason("no figures are due, or they are being published")
        if busy and time.time() - float(context.cursor or 0) < WHILE_IMPORTING_EVERY_SECONDS:
            return SkipReason("an import is running; its days are published once a minute")
        context.update_cursor(str(time.time()))
        return RunRequest()

    return changed_days_sensor


def _missing_boards_sensor() -> SensorDefinition:
    @described_sensor(
        name="missing_boards_sensor",
        job_name=REBUILD_LEADERBOARDS,
        minimum_interval_seconds=sensor_intervals.MISSING_BOARDS,
        default_status=ON,
    )
    def missing_boards_sensor(
        context: SensorEvaluationContext, figures: ResourceParam[FigureStores]
    ) -> RunRequest | SkipReason:
        """Rebuilds leaderboards that Redis lost.

        Until then, they are read from the order store, more slowly.
        """
        with figures.open() as published:
            try:
                missing = published.boards.missing()
            except AWAY:
                return SkipReason("Redis does not answer")
        if not missing:
            return SkipReason("every leaderboard is complete")
        if time.time() - float(context.cursor or 0) < REBUILD_AGAIN_AFTER_SECONDS:
            return SkipReason("a rebuild was requested a moment ago")
        context.update_cursor(str(time.time()))
        return RunRequest()

    return missing_boards_sensor
