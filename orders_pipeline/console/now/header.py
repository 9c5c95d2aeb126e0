"""The state of the system for the header of every page."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from orders_pipeline.api.context import ApiContext
from orders_pipeline.api.endpoints.health import is_down, services_of
from orders_pipeline.console.now.shared import SharedState
from orders_pipeline.imports.arrival.intake import current_pause, pause_document
from orders_pipeline.monitoring.alerts.alert_rows import count_open
from orders_pipeline.store.engine import STORE_FAILED, reading

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Header:
    """The services that are down, each with a message, the number of alerts, and the state of the intake."""

    down: dict[str, str]
    alerts: int
    intake: dict[str, Any]


def header_of(shared: SharedState, context: ApiContext) -> Header:
    """Returns the state, which is at most a second old."""
    return shared.newest("header", lambda: _read(context))


def _read(context: ApiContext) -> Header:
    down = {name: state["message"] for name, state in services_of(context).items() if is_down(state)}
    alerts, intake = 0, pause_document(None)
    try:
        with reading(context.watched_store) as connection:
            alerts, intake = sum(count_open(connection).values()), pause_document(current_pause(connection))
    except STORE_FAILED as error:
        log.warning("The order store is down: %s", error)
    return Header(down, alerts, intake)
