"""Hands one message to a mail server, and tells what the server made of it.

Until the server has answered the message itself, nobody can know whether it has taken it. So the caller is
told just before it is sent, to note it, and an answer that never comes is `Unknown`.
"""

from __future__ import annotations

import re
import smtplib
from collections.abc import Callable
from email.message import EmailMessage
from typing import NamedTuple

from orders_pipeline.base.printable import printable_line

MOST_CHARACTERS = 200
# RFC 3463: 5.1 addresses, 5.2 mailboxes. Servers without such codes answer these to unknown addresses.
OF_ADDRESS = re.compile(r"^5\.[012]\.")
ENHANCED = re.compile(r"^\d\.\d{1,3}\.\d{1,3}\b")
UNKNOWN_ADDRESS = (550, 551, 553)
ANY_ADDRESS = re.compile(r"[^\s<>()\"',;:]+@[^\s<>()\"',;:]+")


class Accepted(NamedTuple):
    """The server has taken the message."""


class Later(NamedTuple):
    """The server has not taken it now, and may later."""

    why: str


class Refused(NamedTuple):
    """The server will never take it; `bounced` if it does not know the address."""

    why: str
    bounced: bool


class Unknown(NamedTuple):
    """The message was sent, and no answer came."""

    why: str


Outcome = Accepted | Later | Refused | Unknown


class ServerRefusedError(ConnectionError):
    """The server takes no mail from this sender now; it is not about a single message."""


class NotNotedError(RuntimeError):
    """The message was not sent, because it could not be noted before."""


def hand_over(
    server: smtplib.SMTP, message: EmailMessage, sender: str, recipient: str, before_data: Callable[[], bool]
) -> Outcome:
    """Hands a message to a server.

    Args:
        before_data: called just before the message is sent; False if it must not be sent any more.

    Raises:
        ServerRefusedError: the server takes no mail from the sender now.
        NotNotedError: `before_data` said that it must not be sent.
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
    """A server's answer without addresses, for people."""
    return without_addresses(f"{code} {answer.decode('ascii', 'replace')}", recipient)


def without_addresses(text: str, recipient: str) -> str:
    """A text of a server on one line, without any mail address and without the recipient's name in it."""
    name = recipient.partition("@")[0]
    text = ANY_ADDRESS.sub("…", text.replace("\n", " "))
    text = re.sub(re.escape(name), "…", text, flags=re.IGNORECASE) if len(name) > 2 else text
    return printable_line(text)[:MOST_CHARACTERS]


def _of_recipient(code: int, answer: bytes, recipient: str) -> Outcome:
    why = shown(code, answer, recipient)
    enhanced = ENHANCED.match(answer.decode("ascii", "replace"))
    unknown = OF_ADDRESS.match(enhanced[0]) if enhanced else code in UNKNOWN_ADDRESS
    # Other refusals, such as of relaying, are mostly about how the server is set up.
    return Refused(why, bounced=True) if code >= 500 and unknown else Later(why)


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("ascii", "replace")
