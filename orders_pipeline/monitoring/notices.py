"""Sends notices to operators: by webhook, by mail, or both.

Each channel has its own thread and its own deadline, so that one that hangs keeps no notice from the others.
Certificates are checked, and mail that goes to other machines is encrypted.
"""

from __future__ import annotations

import asyncio
import logging
import smtplib
import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, unquote, urlsplit

import httpx

from orders_pipeline.base.stack_trace import message_of

TIMEOUT_SECONDS = 10
DEADLINE_SECONDS = 20
SUBMISSION_PORT = 587
WITHOUT_TLS = {"tls": ["off"]}
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Notice:
    """A message to operators. It never names a customer."""

    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class MailServer:
    """An SMTP server, given as `smtp://user:password@host:587` (STARTTLS) or `smtps://host:465`.

    Attributes:
        url: with `?tls=off` the connection is not encrypted.
        authorities: file of the certificate authorities to trust; None trusts those of the system.
    """

    url: str = field(repr=False)
    sender: str
    authorities: Path | None = None


class NotEncryptedError(ConnectionError):
    """The mail server offers no STARTTLS, or somebody in between has removed the offer."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"{host} does not offer STARTTLS, so no mail was sent. Use smtps://, or add ?tls=off to "
            "ORDERS_SMTP_URL if the server is on this machine or takes mail without a password."
        )


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
    """Sends a notice to every channel that is set, to all at once.

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
        # Only the status counts: the body is not read, and the phrase may be anything.
        if not answer.is_success:
            raise ConnectionError(f"it answered {answer.status_code}")


def _mail(mail_server: MailServer, recipients: str, notice: Notice) -> None:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = notice.subject, mail_server.sender, recipients
    message.set_content(notice.text)
    url = urlsplit(mail_server.url)
    with _connect(mail_server) as server:
        if url.username:
            server.login(unquote(url.username), unquote(url.password or ""))
        server.send_message(message)


def _connect(mail_server: MailServer) -> smtplib.SMTP:
    """A connection that is encrypted to a server whose certificate is valid, unless the URL has `tls=off`.

    Raises:
        NotEncryptedError: the server does not offer STARTTLS.
    """
    url = urlsplit(mail_server.url)
    host = url.hostname or "localhost"
    trusted = ssl.create_default_context(cafile=mail_server.authorities)
    if url.scheme == "smtps":
        port = url.port or smtplib.SMTP_SSL_PORT
        return smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_SECONDS, context=trusted)
    server = smtplib.SMTP(host, url.port or SUBMISSION_PORT, timeout=TIMEOUT_SECONDS)
    try:
        server.ehlo()
        if parse_qs(url.query) != WITHOUT_TLS:
            if not server.has_extn("starttls"):
                raise NotEncryptedError(host)
            server.starttls(context=trusted)
    except BaseException:
        server.close()
        raise
    return server
