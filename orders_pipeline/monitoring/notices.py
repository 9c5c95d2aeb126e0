"""Sends notices to operators: by webhook, by mail, or both."""

from __future__ import annotations

import json
import logging
import smtplib
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from functools import partial
from urllib.parse import unquote, urlsplit

TIMEOUT_SECONDS = 10
SUBMISSION_PORT = 587
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Notice:
    """A message to operators. It never names a customer."""

    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class MailServer:
    """An SMTP server, given as `smtp://user:password@host:587` (STARTTLS) or `smtps://host:465`."""

    url: str = field(repr=False)
    sender: str


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
    """Sends a notice to every channel that is set.

    If one channel fails, the others still get the notice.
    """
    used = dict(_used(channels))
    failed = []
    for name, send in used.items():
        try:
            send(notice)
        except (OSError, smtplib.SMTPException) as error:
            log.warning("sending a notice by %s failed: %s", name, error)
            failed.append(f"{name}: {error}")
    return Sent(failed, reached=len(failed) < len(used) or not used)


def _used(channels: Channels) -> Iterator[tuple[str, Callable[[Notice], None]]]:
    if channels.webhook:
        yield "webhook", partial(_post, channels.webhook)
    if channels.recipients and channels.mail_server:
        yield "e-mail", partial(_mail, channels.mail_server, channels.recipients)


def _post(webhook: str, notice: Notice) -> None:
    # Slack, Mattermost and similar services show the field `text`.
    body = json.dumps({"text": f"{notice.subject}\n{notice.text}", "subject": notice.subject}).encode()
    request = urllib.request.Request(  # noqa: S310 the operator's own URL
        webhook, data=body, headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS):  # noqa: S310
        pass


def _mail(mail_server: MailServer, recipients: str, notice: Notice) -> None:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = notice.subject, mail_server.sender, recipients
    message.set_content(notice.text)
    url = urlsplit(mail_server.url)
    with _connect(url.scheme, url.hostname or "localhost", url.port) as server:
        if url.scheme == "smtp" and server.has_extn("starttls"):
            server.starttls()
        if url.username:
            server.login(unquote(url.username), unquote(url.password or ""))
        server.send_message(message)


def _connect(scheme: str, host: str, port: int | None) -> smtplib.SMTP:
    if scheme == "smtps":
        return smtplib.SMTP_SSL(host, port or smtplib.SMTP_SSL_PORT, timeout=TIMEOUT_SECONDS)
    server = smtplib.SMTP(host, port or SUBMISSION_PORT, timeout=TIMEOUT_SECONDS)
    server.ehlo()
    return server
