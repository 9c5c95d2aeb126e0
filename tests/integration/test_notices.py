"""Notices reach a real webhook and a real mail server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message
from dagster import DagsterInstance, build_run_status_sensor_context, job, op

from jobs.care.notices import notice_channels, notice_sensors
from orders_pipeline.base.settings import Settings
from orders_pipeline.monitoring.notices import Notice, Sent, send_notice
from tests.services import free_port

NOTICE = Notice("Failed: import_orders of a.csv-1", "Run 42 failed.")


@pytest.fixture
def mailbox() -> Iterator[tuple[str, list[Any]]]:
    """URL of a mail server, and the messages that it took."""
    received: list[Any] = []

    class Keeper(Message):
        def handle_message(self, message: Any) -> None:
            received.append(message)

    port = free_port()
    server = Controller(Keeper(), hostname="127.0.0.1", port=port)
    server.start()
    yield f"smtp://127.0.0.1:{port}", received
    server.stop()


def test_a_notice_goes_to_every_channel_that_is_set(webhook: Any, mailbox: Any) -> None:
    settings = Settings(
        notify_webhook=webhook[0], notify_email="ops@example.org,more@example.org", smtp_url=mailbox[0]
    )
    assert send_notice(notice_channels(settings), NOTICE) == Sent([], reached=True)
    assert webhook[1] == [{"text": f"{NOTICE.subject}\n{NOTICE.text}", "subject": NOTICE.subject}]
    (mail,) = mailbox[1]
    assert (mail["Subject"], mail["To"]) == (NOTICE.subject, "ops@example.org,more@example.org")
    assert mail.get_payload().strip() == NOTICE.text


def test_a_channel_that_is_down_does_not_keep_the_notice_from_the_others(mailbox: Any) -> None:
    settings = Settings(
        notify_webhook=f"http://127.0.0.1:{free_port()}/", notify_email="ops@example.org", smtp_url=mailbox[0]
    )
    sent = send_notice(notice_channels(settings), NOTICE)
    (failure,) = sent.failures
    assert sent.reached
    assert failure.startswith("webhook: ")
    assert len(mailbox[1]) == 1


def test_no_channel_is_no_failure() -> None:
    assert send_notice(notice_channels(Settings()), NOTICE) == Sent([], reached=True)


def test_a_failed_run_is_told_with_its_job_and_file(webhook: Any) -> None:
    @op
    def break_down() -> None:
        raise RuntimeError("out of paper")

    @job(name="import_orders")
    def failing() -> None:
        break_down()

    (sensor,) = notice_sensors(notice_channels(Settings(notify_webhook=webhook[0])))
    with DagsterInstance.ephemeral() as instance:
        result = failing.execute_in_process(
            instance=instance, raise_on_error=False, tags={"dagster/partition": "a.csv-1"}
        )
        context = build_run_status_sensor_context(
            sensor_name=sensor.name,
            dagster_event=result.get_run_failure_event(),
            dagster_instance=instance,
            dagster_run=result.dagster_run,
        ).for_run_failure()
        sensor(context)
    (posted,) = webhook[1]
    assert posted["subject"] == "Failed: import_orders of a.csv-1"
    assert result.dagster_run.run_id in posted["text"]
