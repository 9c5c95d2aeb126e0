"""Connects to a mail server. Certificates are checked, and mail that goes to other machines is encrypted."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

TIMEOUT_SECONDS = 10
SUBMISSION_PORT = 587
WITHOUT_TLS = {"tls": ["off"]}


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
    """The mail server does not offer STARTTLS, or an attacker on the network has removed the offer."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"{host} does not offer STARTTLS, so no mail was sent. Use smtps://, or add ?tls=off to "
            "ORDERS_SMTP_URL if the server is on this machine or accepts mail without a password."
        )


def connect(mail_server: MailServer) -> smtplib.SMTP:
    """A connection, signed in if the URL has a login.

    It is encrypted, to a server whose certificate is valid, unless the URL has `tls=off`.

    Raises:
        NotEncryptedError: the server does not offer STARTTLS.
        OSError: there is no connection, or it is not safe.
        smtplib.SMTPException: the server refuses it.
    """
    url = urlsplit(mail_server.url)
    server = _open(mail_server)
    try:
        if url.username:
            server.login(unquote(url.username), unquote(url.password or ""))
    except BaseException:
        server.close()
        raise
    return server


def _open(mail_server: MailServer) -> smtplib.SMTP:
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
