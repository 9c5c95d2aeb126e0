"""Sends notices to operators: by webhook, by mail, or both.

Each channel has its own thread and its own deadline, so a channel that hangs does not delay the others.
Certificates are checked, and mail that goes to other machines is encrypted.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from email.message import EmailMessage
from functools import partial
from threading import Thread

import httpx

from orders_pipeline.base.telemetry.stack_trace import message_of
from orders_pipeline.services.mail import MailServer, connect

TIMEOUT_SECONDS = 10
DEADLINE_SECONDS = 20
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Notice:
    """A message to operators. It never names a customer."""

    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Channels:
    """The channels for notices. An empty channel is not used.

    Attributes:
        webhook: URL to which notices are posted.
        recipients: mail addresses, separated by commas. They need a mail server.
    """

    webhook: str = field(repr=False)
    recipients: str
    mail_server: MailServer | None


@dataclass(frozen=True, slots=True)
class Sent:
    """The outcome of a notice: the channels that failed, with the reason.

    Attributes:
        reached: whether a channel accepted the notice, or no channel is set.
    """

    failures: list[str]
    reached: bool


def send_notice(channels: Channels, notice: Notice) -> Sent:
    """Sends a notice to all configured channels at the same time.

    If one channel fails or hangs, the others still get the notice.
    """
    begun = {name: _begin(send, notice) for name, send in _used(channels)}
    failed = [f"{name}: {why}" for name, outcome in begun.items() if (why := _failure(outcome))]
    for failure in failed:
        log.warning("a notice could not be sent by %s", failure)
    return Sent(failed, reached=len(failed) < len(begun) or not begun)


def _used(channels: Channels) -> Iterator[tuple[str, Callable[[Notice], None]]]:
    if channels.webhook:
        yield "webhook", partial(_post, channels.webhook)
    if channels.recipients and channels.mail_server:
        yield "e-mail", partial(_mail, channels.mail_server, channels.recipients)


def _begin(send: Callable[[Notice], None], notice: Notice) -> Future[None]:
    outcome: Future[None] = Future()

    def run() -> None:
        try:
            send(notice)
            outcome.set_result(None)
        except Exception as error:  # noqa: BLE001 whatever a server answers is the failure of its channel
            outcome.set_exception(error)

    Thread(target=run, daemon=True).start()
    return outcome


def _failure(outcome: Future[None]) -> str:
    try:
        error = outcome.exception(DEADLINE_SECONDS)
    except TimeoutError:
        return f"no answer within {DEADLINE_SECONDS} seconds"
    return (message_of(error) or type(error).__name__) if error else ""


def _post(webhook: str, notice: Notice) -> None:
    asyncio.run(_posted(webhook, notice))


async def _posted(webhook: str, notice: Notice) -> None:
    # Slack, Mattermost and similar services show the field `text`.
    body = {"text": f"{notice.subject}\n{notice.text}", "subject": notice.subject}
    async with (
        asyncio.timeout(TIMEOUT_SECONDS),
        httpx.AsyncClient(timeout=TIMEOUT_SECONDS) as client,
        client.stream("POST", webhook, json=body) as answer,
    ):
        # Only the status code counts. Servers choose the phrase, so it is not quoted.
        if not answer.is_success:
            raise ConnectionError(f"it answered {answer.status_code}")


def _mail(mail_server: MailServer, recipients: str, notice: Notice) -> None:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = notice.subject, mail_server.sender, recipients
    message.set_content(notice.text)
    with connect(mail_server) as server:
        server.send_message(message)
