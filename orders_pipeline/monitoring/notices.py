"""Notices to people: posted to a webhook, mailed, or both."""

from __future__ import annotations

import json
import logging
import smtplib
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from orders_pipeline.base.settings import Settings

TIMEOUT_SECONDS = 10
SUBMISSION_PORT = 587
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Notice:
    """What people are told; no customer is named in it."""

    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a notice: the channels that failed, with the reason.

    Attributes:
        reached: whether a channel took it, or none is set.
    """

    failures: list[str]
    reached: bool


def send_notice(settings: Settings, notice: Notice) -> Sent:
    """Sends a notice over every channel that is set.

    One channel's failure does not keep the notice from the others.
    """
    channels: list[tuple[str, Callable[[Settings, Notice], None]]] = []
    if settings.notify_webhook:
        channels.append(("webhook", _post))
    if settings.notify_email and settings.smtp_url:
        channels.append(("e-mail", _mail))
    failed = []
    for name, send in channels:
        try:
            send(settings, notice)
        except (OSError, smtplib.SMTPException) as error:
            log.warning("a notice could not be sent by %s: %s", name, error)
            failed.append(f"{name}: {error}")
    return Sent(failed, reached=len(failed) < len(channels) or not channels)


def _post(settings: Settings, notice: Notice) -> None:
    # Slack, Mattermost and their kin show the field `text`.
    body = json.dumps({"text": f"{notice.subject}\n{notice.text}", "subject": notice.subject}).encode()
    request = urllib.request.Request(  # noqa: S310 the operator's own URL
        settings.notify_webhook, data=body, headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS):  # noqa: S310
        pass


def _mail(settings: Settings, notice: Notice) -> None:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = (
        notice.subject,
        settings.smtp_sender,
        settings.notify_email,
    )
    message.set_content(notice.text)
    url = urlsplit(settings.smtp_url)
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
