"""Sensors and schedules whose docstring becomes their description, as with Dagster's assets, ops and jobs."""

import inspect
from collections.abc import Callable
from typing import Any

from dagster import ScheduleDefinition, SensorDefinition, schedule, sensor


def described_sensor(**options: Any) -> Callable[[Callable[..., Any]], SensorDefinition]:
    """Like `dagster.sensor`, with the docstring of the function as the description."""
    return lambda function: sensor(description=inspect.getdoc(function), **options)(function)


def described_schedule(**options: Any) -> Callable[[Callable[..., Any]], ScheduleDefinition]:
    """Like `dagster.schedule`, with the docstring of the function as the description."""
    return lambda function: schedule(description=inspect.getdoc(function), **options)(function)
