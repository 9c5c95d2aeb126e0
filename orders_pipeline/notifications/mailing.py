"""Sends one message to a mail server, and returns the server's answer.

Before the server answers the message itself, it is unknown whether the server accepted it. So the caller is
called just before the message is sent, to record this, and without an answer the outcome is `Unknown`.
"""

from __future__ import annotations

import re
import smtplib
from collections.abc import Callable
from email.message import EmailMessage
from typing import NamedTuple

from orders_pipeline.base.text.printable import printable_line

MOST_CHARACTERS = 200
# RFC 3463: 5.1 is about addresses, 5.2 about mailboxes. Servers without such codes use these for unknown
# addresses.
OF_ADDRESS = re.compile(r"^5\.[012]\.")
ENHANCED = re.compile(r"^\d\.\d{1,3}\.\d{1,3}\b")
UNKNOWN_ADDRESS = (550, 551, 553)
ANY_ADDRESS = re.compile(r"[^\s<>()\"',;:]+@[^\s<>()\"',;:]+")


class Accepted(NamedTuple):
    """The server accepted the message."""


class Later(NamedTuple):
    """The server did not accept the message now, but may accept it later."""

    why: str


class Refused(NamedTuple):
    """The server permanently refused the message; `bounced` if it does not know the address."""

    why: str
    bounced: bool


class Unknown(NamedTuple):
    """The message was sent, but the server did not answer."""

    why: str


Outcome = Accepted | Later | Refused | Unknown


class ServerRefusedError(ConnectionError):
    """The server accepts no mail from this sender now; the cause is not a single message."""


class NotNotedError(RuntimeError):
    """The message was not sent, because this could not be recorded before sending."""


def hand_over(
    server: smtplib.SMTP, message: EmailMessage, sender: str, recipient: str, before_data: Callable[[], bool]
) -> Outcome:
    """Sends a message to a server.

    Args:
        before_data: called just before the message is sent; returns False if it must not be sent any more.

    Raises:
        ServerRefusedError: the server accepts no mail from the sender now.
        NotNotedError: `before_data` returned False.
        OSError: the connection was lost before the message was sent.
        smtplib.SMTPException: the same.
    """
    code, answer = server.mail(sender)
    if code != 250:
        raise ServerRefusedError(shown(code, answer, recipient))
    code, answer = server.rcpt(recipient)
    if code not in (250, 251):
        server.rset()
        return _of_recipient(code, answer, recipient)
    content = message.as_bytes()
    if not before_data():
        raise NotNotedError
    try:
        code, answer = server.data(content)
    except smtplib.SMTPDataError as error:
        code, answer = error.smtp_code, _bytes(error.smtp_error)
    except (OSError, smtplib.SMTPException) as error:
        return Unknown(without_addresses(str(error) or type(error).__name__, recipient))
    if code == 250:
        return Accepted()
    why = shown(code, answer, recipient)
    return Refused(why, bounced=False) if code >= 500 else Later(why)


def shown(code: int, answer: bytes, recipient: str) -> str:
    """Returns a server's answer as text without addresses."""
    return without_addresses(f"{code} {answer.decode('ascii', 'replace')}", recipient)


def without_addresses(text: str, recipient: str) -> str:
    """Returns a server's text on one line, without mail addresses and the recipient's name."""
    name = recipient.partition("@")[0]
    text = ANY_ADDRESS.sub("…", text.replace("\n", " "))
    text = re.sub(re.escape(name), "…", text, flags=re.IGNORECASE) if len(name) > 2 else text
    return printable_line(text)[:MOST_CHARACTERS]


def _of_recipient(code: int, answer: bytes, recipient: str) -> Outcome:
    why = shown(code, answer, recipient)
    enhanced = ENHANCED.match(answer.decode("ascii", "replace"))
    unknown = OF_ADDRESS.match(enhanced[0]) if enhanced else code in UNKNOWN_ADDRESS
    # Other refusals, such as those of relaying, are usually caused by the configuration of the server.
    return Refused(why, bounced=True) if code >= 500 and unknown else Later(why)


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("ascii", "replace")
