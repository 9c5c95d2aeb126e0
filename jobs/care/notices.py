"""The sensor that sends notices of failed runs, and the channels in the settings."""

from dagster import DefaultSensorStatus, RunFailureSensorContext, SensorDefinition, run_failure_sensor

from jobs import sensor_intervals
from jobs.runs import PARTITION_TAG
from orders_pipeline.base.settings import Settings
from orders_pipeline.monitoring.alerts.notices import Channels, Notice, send_notice
from orders_pipeline.services.mail import MailServer


def notice_channels(settings: Settings) -> Channels:
    """Returns the channels in the settings."""
    server = (
        MailServer(settings.smtp_url, settings.smtp_sender, settings.smtp_ca) if settings.smtp_url else None
    )
    return Channels(settings.notify_webhook, settings.notify_email, server)


def notice_sensors(channels: Channels) -> list[SensorDefinition]:
    """All sensors of this module, on by default. They send nothing if no channel is set."""

    @run_failure_sensor(
        name="failed_runs_sensor",
        description="Sends a notice for each failed run, by webhook or email, if one is set.",
        minimum_interval_seconds=sensor_intervals.FAILED_RUNS,
        default_status=DefaultSensorStatus.RUNNING,
    )
    def failed_runs_sensor(context: RunFailureSensorContext) -> None:
        """Sends a notice for each failed run, by webhook or email, if one is set."""
        for failure in send_notice(channels, _notice(context)).failures:
            context.log.error(f"A notice could not be sent. {failure}")

    return [failed_runs_sensor]


def _notice(context: RunFailureSensorContext) -> Notice:
    run = context.dagster_run
    partition = run.tags.get(PARTITION_TAG)
    of_what = f"{run.job_name} of {partition}" if partition else run.job_name
    return Notice(
        f"Failed: {of_what}", f"Run {run.run_id} of {of_what} failed: {context.failure_event.message}"
    )
