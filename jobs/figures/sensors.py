"""Sensors of the figures: what Redis lost is made again at once."""

import time
from collections.abc import Sequence

from dagster import (
    DefaultSensorStatus,
    ResourceParam,
    RunRequest,
    SensorDefinition,
    SensorEvaluationContext,
    SkipReason,
    sensor,
)

from jobs.figures.schedules import REBUILD_LEADERBOARDS
from orders_pipeline.services.redis_clients import AWAY
from resources.figures import FigureStores

LOOK_SECONDS = 30
AGAIN_AFTER_SECONDS = 300


def figure_sensors() -> Sequence[SensorDefinition]:
    """All sensors of this module, on by default."""

    @sensor(
        job_name=REBUILD_LEADERBOARDS,
        minimum_interval_seconds=LOOK_SECONDS,
        default_status=DefaultSensorStatus.RUNNING,
    )
    def missing_boards_sensor(
        context: SensorEvaluationContext, figures: ResourceParam[FigureStores]
    ) -> RunRequest | SkipReason:
        """Rebuilds leaderboards that Redis lost; until then the order store answers, many times slower."""
        with figures.open() as published:
            try:
                missing = published.boards.missing()
            except AWAY:
                return SkipReason("Redis does not answer")
        if not missing:
            return SkipReason("every leaderboard is whole")
        if time.time() - float(context.cursor or 0) < AGAIN_AFTER_SECONDS:
            return SkipReason("a rebuild was asked for a moment ago")
        context.update_cursor(str(time.time()))
        return RunRequest()

    return [missing_boards_sensor]
