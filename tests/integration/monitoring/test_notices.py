"""Notices reach a real webhook and a real mail server."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from aiosmtpd.controller import Controller, UnthreadedController
from aiosmtpd.handlers import Message
from dagster import DagsterInstance, build_run_status_sensor_context, job, op

from jobs.care.notices import notice_channels, notice_sensors
from orders_pipeline.base.settings import Settings, SettingsError, load_settings
from orders_pipeline.monitoring.alerts import notices
from orders_pipeline.monitoring.alerts.notices import Notice, Sent, send_notice
from tests.servers.tls_servers import Authority, make_authority
from tests.services import free_port

NOTICE = Notice("Failed: import_orders of a.csv-1", "Run 42 failed.")


@pytest.fixture
def mailbox() -> Iterator[tuple[str, list[Any]]]:
    """URL of a mail server, and the messages that it accepted."""
    received: list[Any] = []

    class Keeper(Message):
        def handle_message(self, message: Any) -> None:
            received.append(message)

    port = free_port()
    server = Controller(Keeper(), hostname="127.0.0.1", port=port)
    server.start()
    yield f"smtp://127.0.0.1:{port}?tls=off", received
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


@contextmanager
def mail_server(authority: Authority | None, *, implicit: bool = False) -> Iterator[tuple[str, list[Any]]]:
    """Host and port of a mail server with this certificate, or without TLS; and the messages it accepted."""
    received: list[Any] = []

    class Keeper(Message):
        def handle_message(self, message: Any) -> None:
            received.append(message)

    context = None
    if authority:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(authority.certificate, authority.key)
    options: dict[str, Any] = {"ssl_context" if implicit else "tls_context": context}
    # The controller would check its own certificate; it is enough that the port answers.
    port = free_port()
    server = UnthreadedController(
        Keeper(), hostname="127.0.0.1", port=port, loop=asyncio.new_event_loop(), **options
    )
    server.begin()
    thread = Thread(target=server.loop.run_forever)
    thread.start()
    yield f"localhost:{port}", received
    server.loop.call_soon_threadsafe(server.loop.stop)
    thread.join()
    server.end()
    server.loop.close()


def mail_settings(url: str, ca: Path | None = None) -> Settings:
    return Settings(notify_email="ops@example.org", smtp_url=url, smtp_ca=ca)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.mark.parametrize("implicit", [False, True])
def test_mail_goes_only_to_a_server_whose_certificate_is_valid(authority: Authority, implicit: bool) -> None:
    scheme = "smtps" if implicit else "smtp"
    with mail_server(authority, implicit=implicit) as (host, received):
        (failure,) = send_notice(notice_channels(mail_settings(f"{scheme}://{host}")), NOTICE).failures
        assert "certificate verify failed" in failure
        wrong = mail_settings(f"{scheme}://{host.replace('localhost', '127.0.0.1')}", authority.ca)
        (failure,) = send_notice(notice_channels(wrong), NOTICE).failures
        assert "certificate verify failed" in failure
        assert received == []
        trusting = mail_settings(f"{scheme}://{host}", authority.ca)
        assert send_notice(notice_channels(trusting), NOTICE) == Sent([], reached=True)
        assert len(received) == 1


def test_no_mail_is_sent_where_starttls_is_not_offered_or_was_removed() -> None:
    with mail_server(None) as (host, received):
        (failure,) = send_notice(notice_channels(mail_settings(f"smtp://{host}")), NOTICE).failures
        assert "does not offer STARTTLS" in failure
        assert received == []
        plain = mail_settings(f"smtp://{host}?tls=off")
        assert send_notice(notice_channels(plain), NOTICE).reached
        assert len(received) == 1


@pytest.mark.parametrize(
    "url",
    [
        "smtp://user:secret@mail.example.org?tls=off",
        "smtps://mail.example.org?tls=off",
        "smtp://mail.example.org?tls=no",
        "http://mail.example.org",
        # Python's client would fail at each notice.
        "smtp://user:secret%C3%A4@mail.example.org",
    ],
)
def test_a_mail_server_is_refused_if_the_password_would_be_in_plain_text_or_cannot_be_sent(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERS_SMTP_URL", url)
    with pytest.raises(SettingsError, match="ORDERS_SMTP_URL") as refused:
        load_settings()
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("url", ["smtp://u:p@localhost?tls=off", "smtp://relay.example.org:25?tls=off"])
def test_a_mail_server_here_or_without_a_password_may_be_plain(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERS_SMTP_URL", url)
    assert load_settings().smtp_url == url


def trickle(connection: socket.socket) -> None:
    """Answers one byte at a time until the client disconnects."""
    with suppress(OSError):
        while True:
            connection.sendall(b"H")
            time.sleep(0.05)


ANSWERS: dict[str, Callable[[socket.socket], None]] = {
    "nonsense": lambda connection: connection.sendall(b"\x00\xffnonsense\r\n\r\n"),
    "nothing": lambda connection: connection.shutdown(socket.SHUT_RDWR),
    "never": lambda connection: connection.recv(1) and None,
    "slowly": trickle,
}


@contextmanager
def strange_webhook(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """URL of a server that reads a request and answers in this way."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                answer(connection)

    thread = Thread(target=serve)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/a-secret"
    listener.close()
    thread.join()


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_webhook_that_answers_strangely_does_not_keep_the_mail_from_being_sent(
    answer: str, mailbox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "TIMEOUT_SECONDS", 2)
    with strange_webhook(ANSWERS[answer]) as url:
        settings = Settings(notify_webhook=url, notify_email="ops@example.org", smtp_url=mailbox[0])
        sent = send_notice(notice_channels(settings), NOTICE)
    (failure,) = sent.failures
    assert failure.startswith("webhook: ")
    assert "a-secret" not in failure
    assert sent.reached
    assert len(mailbox[1]) == 1


def test_a_mail_server_that_hangs_does_not_keep_the_webhook_from_being_called(
    webhook: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "DEADLINE_SECONDS", 4)
    with strange_webhook(trickle) as url:
        settings = Settings(
            notify_webhook=webhook[0],
            notify_email="ops@example.org",
            smtp_url=url.replace("http", "smtp").removesuffix("/a-secret"),
        )
        sent = send_notice(notice_channels(settings), NOTICE)
        assert sent == Sent(["e-mail: no answer within 4 seconds"], reached=True)
        assert len(webhook[1]) == 1


def test_no_channel_is_no_failure() -> None:
    assert send_notice(notice_channels(Settings()), NOTICE) == Sent([], reached=True)


def test_a_failed_run_is_reported_with_its_job_and_file(webhook: Any) -> None:
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
