"""A real mail server that stores messages, and can misbehave as mail servers do."""

from __future__ import annotations

import email
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

from aiosmtpd.controller import Controller

from tests.servers.tls_servers import Authority
from tests.services import free_port

ACCEPTED = "250 OK"


@dataclass
class Mailbox:
    """The messages that a mail server accepted, and how it answers.

    Attributes:
        recipient: the answer to RCPT TO, by address.
        content: the answer to a message, by address; None: the server dies before it answers.
    """

    port: int = field(default_factory=free_port)
    taken: list[EmailMessage] = field(default_factory=list)
    recipient: Callable[[str], str] = lambda _address: ACCEPTED
    content: Callable[[str], str | None] = lambda _address: ACCEPTED

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}?tls=off"

    def subjects(self) -> list[str]:
        """Recipients and subjects of the accepted messages."""
        return [f"{one['To']}: {one['Subject']}" for one in self.taken]

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _: Any) -> str:
        answer = self.recipient(address)
        if answer == ACCEPTED:
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:
        answer = self.content(envelope.rcpt_tos[0])
        if answer is None or answer == ACCEPTED:
            message = email.message_from_bytes(envelope.content, policy=SMTP)
            assert isinstance(message, EmailMessage)
            self.taken.append(message)
        if answer is None:
            server.transport.abort()
        return answer or ACCEPTED


@contextmanager
def mailbox(authority: Authority | None = None) -> Iterator[Mailbox]:
    """A mail server on this machine. With an authority, it requires STARTTLS."""
    box = Mailbox()
    more: dict[str, Any] = {}
    if authority:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(authority.certificate, authority.key)
        more = {"tls_context": context, "require_starttls": True}
    server = Controller(box, hostname="127.0.0.1", port=box.port, **more)
    server.start()
    try:
        yield box
    finally:
        server.stop()
