"""The settings for notices to customers."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import parseaddr
from pathlib import Path
from typing import Self

from orders_pipeline.base.model import Notifications
from orders_pipeline.base.settings import Settings
from orders_pipeline.services.mail import MailServer

TEMPLATES = "notices"


@dataclass(frozen=True, slots=True)
class NoticeTerms:
    """The settings for notices to customers.

    Attributes:
        templates: folder of the shop's own templates.
        sender: name and address, such as `Shop <orders@shop.example>`.
        order_days: age of an order in days from which on no notices about it are sent.
        timezone: IANA name of the time zone of dates in notices.
    """

    channel: Notifications
    templates: Path
    sender: str
    language: str
    per_minute: int
    order_days: int
    unsubscribe: str
    timezone: str
    mail_server: MailServer | None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Returns the terms in the settings."""
        sender = settings.notifications_sender or settings.smtp_sender
        server = MailServer(settings.smtp_url, sender, settings.smtp_ca) if settings.smtp_url else None
        return cls(
            settings.notifications,
            settings.home / TEMPLATES,
            sender,
            settings.notifications_language,
            settings.notifications_per_minute,
            settings.notifications_order_days,
            settings.notifications_unsubscribe,
            settings.timezone,
            server,
        )

    @property
    def sender_address(self) -> str:
        """The sender's address without its name."""
        return parseaddr(self.sender)[1]

    @property
    def shop(self) -> str:
        """The name of the shop: the sender's name, otherwise the host of the sender's address."""
        name, address = parseaddr(self.sender)
        return name or address.rpartition("@")[2]
