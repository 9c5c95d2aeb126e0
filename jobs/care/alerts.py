"""The sensor that raises and ends alerts."""

from contextlib import closing
from functools import partial

from dagster import (
    DefaultSensorStatus,
    ResourceParam,
    SensorDefinition,
    SensorEvaluationContext,
    SkipReason,
)
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from jobs import sensor_intervals
from jobs.care.notices import notice_channels
from jobs.care.silent_sensors import silent_sensors
from jobs.described import described_sensor
from jobs.workers.queue_heads import queues
from orders_pipeline.base.clock import now_us
from orders_pipeline.base.model import Notifications
from orders_pipeline.base.settings import Settings
from orders_pipeline.base.telemetry.stack_trace import message_of
from orders_pipeline.imports.state.lost_imports import HeartbeatClock
from orders_pipeline.monitoring.alerts.alert_rules import AlertName, conditions_by_alert, silent_conditions
from orders_pipeline.monitoring.alerts.alerting import Changes, keep_alerts, tell_alerts
from orders_pipeline.monitoring.alerts.notices import Channels, Notice, send_notice
from orders_pipeline.monitoring.alerts.rule_input import Limits, SilentSensor
from orders_pipeline.monitoring.observations import observe
from orders_pipeline.services.redis_clients import ask_redis
from orders_pipeline.services.redis_server import redis_url
from orders_pipeline.staging.inbox import Inbox
from orders_pipeline.store.revisions import StoreRefused
from resources.order_store import OrderStore

STORE_DOWN = "store down"
STORE_SUBJECT = "Service down (order store)"


def alert_sensors(settings: Settings) -> list[SensorDefinition]:
    """Returns all sensors of this module, on by default. Alerts are stored even if no channel is set."""
    channels, limits = notice_channels(settings), alert_limits(settings)
    clock = HeartbeatClock()

    @described_sensor(
        minimum_interval_seconds=sensor_intervals.ALERTS, default_status=DefaultSensorStatus.RUNNING
    )
    def alerts_sensor(context: SensorEvaluationContext, order_store: ResourceParam[OrderStore]) -> SkipReason:
        """Raises alerts about problems that need attention, and ends them."""
        try:
            with order_store.open() as engine:
                changes = _keep(engine, settings, limits, silent_sensors(context, clock))
                failures = tell_alerts(engine, channels)
        except StoreRefused as refused:
            _tell_of_store(context, channels, str(refused))
            return SkipReason("the order store is refused")
        except DBAPIError as error:
            _tell_of_store(context, channels, f"It does not answer: {message_of(error)}")
            return SkipReason("the order store does not answer")
        _tell_of_store(context, channels, None)
        for failure in failures:
            context.log.error(f"A notice of an alert could not be sent. {failure}")
        return SkipReason(f"{len(changes.raised)} alerts raised, {len(changes.over)} over")

    return [alerts_sensor, _alerts_watch_sensor(settings, channels, alerts_sensor.name)]


def _alerts_watch_sensor(settings: Settings, channels: Channels, watched: str) -> SensorDefinition:
    clock = HeartbeatClock()

    @described_sensor(
        minimum_interval_seconds=sensor_intervals.ALERTS_WATCH, default_status=DefaultSensorStatus.RUNNING
    )
    def alerts_watch_sensor(
        context: SensorEvaluationContext, order_store: ResourceParam[OrderStore]
    ) -> SkipReason:
        """Raises an alert if the alert sensor makes no progress. The alert sensor itself ends this alert."""
        silent = silent_conditions(silent_sensors(context, clock))
        if all(one.subject != watched for one in silent):
            return SkipReason(f"{watched} makes progress")
        with order_store.open() as engine:
            keep_alerts(engine, {AlertName.SENSOR_SILENT: silent}, now_us(), settings.alert_quiet_minutes)
            for failure in tell_alerts(engine, channels):
                context.log.error(f"A notice of an alert could not be sent. {failure}")
        return SkipReason(f"{watched} makes no progress")

    return alerts_watch_sensor


def alert_limits(settings: Settings) -> Limits:
    """Returns the limits in the settings."""
    return Limits(
        waiting_minutes=settings.alert_waiting_minutes,
        failure_share=settings.alert_failure_share,
        no_arrivals_hours=settings.alert_no_arrivals_hours,
        stuck_minutes=settings.alert_stuck_minutes,
        figures_minutes=settings.alert_figures_minutes,
        disk_free_share=settings.alert_disk_free_share,
        backup_hours=settings.alert_backup_hours if settings.backup_folder else 0.0,
        inbox_minutes=settings.alert_inbox_minutes,
        refund_minutes=settings.alert_refund_minutes,
        webhook_minutes=settings.alert_webhook_minutes,
        notification_minutes=settings.alert_notification_minutes
        if settings.notifications is not Notifications.OFF
        else 0.0,
        authorization_hours=settings.authorization_hours,
        uncaptured_hours=settings.alert_uncaptured_hours,
    )


def _keep(engine: Engine, settings: Settings, limits: Limits, silent: list[SilentSensor]) -> Changes:
    inbox = Inbox(settings.inbox_folder)
    with closing(ask_redis(redis_url(settings))) as client:
        seen = observe(
            engine, client, partial(queues, settings), settings.home, settings.warehouse, inbox, silent
        )
    return keep_alerts(engine, conditions_by_alert(seen, limits), seen.now, settings.alert_quiet_minutes)


def _tell_of_store(context: SensorEvaluationContext, channels: Channels, problem: str | None) -> None:
    """Sends a notice when the store is down and when it is back, because it cannot store this alert."""
    was_down = context.cursor == STORE_DOWN
    if problem and not was_down:
        notice = Notice(f"Alert: {STORE_SUBJECT}", f"{problem} What to do: docs/runbooks.md, `service_down`.")
    elif was_down and not problem:
        notice = Notice(f"Resolved: {STORE_SUBJECT}", "It answers again.")
    else:
        return
    if send_notice(channels, notice).reached:
        context.update_cursor(STORE_DOWN if problem else "")
