"""Sends notices to customers. Any number of senders may run; only one of them sends at a time."""

from __future__ import annotations

import logging
import secrets
import smtplib
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event
from typing import Any

from sqlalchemy import Engine, Row

from orders_pipeline.base.model import Notifications, NotificationStatus
from orders_pipeline.notifications import rounds
from orders_pipeline.notifications.mailing import NotNotedError, Unknown, hand_over, without_addresses
from orders_pipeline.notifications.messages import Subject, message_of_notice, rendered
from orders_pipeline.notifications.templates import NoticeTemplateError, NoticeTemplates, Rendered
from orders_pipeline.notifications.terms import NoticeTerms
from orders_pipeline.services.mail import connect
from orders_pipeline.store.engine import STORE_FAILED, reading
from orders_pipeline.store.identity import store_id

PERIOD_SECONDS = 1.0
MESSAGES_AT_ONCE = 100
ROUND_SECONDS = 30.0
log = logging.getLogger(__name__)


@dataclass
class NoticeSender:
    """Sends the notices of an order store until it is told to stop."""

    engine: Engine
    terms: NoticeTerms
    holder: str = field(default_factory=lambda: secrets.token_hex(8))
    stopping: Event = field(default_factory=Event)

    def __post_init__(self) -> None:
        self._templates = NoticeTemplates(self.terms.templates)
        self._store = ""

    def run(self) -> None:
        """Sends notices until `stopping` is set."""
        while not self.stopping.is_set():
            try:
                self.send_due()
            except STORE_FAILED as error:
                log.warning("the order store does not answer, so notices to customers wait: %s", error)
            self.stopping.wait(PERIOD_SECONDS)
        with suppress(*STORE_FAILED), self.engine.begin() as connection:
            rounds.let_go(connection, self.holder)

    def send_due(self) -> int:
        """Sends the due notices within the limit per minute; returns the number of tries."""
        with reading(self.engine) as connection:
            if not rounds.anything_to_do(connection):
                return 0
        with self.engine.begin() as connection:
            if not rounds.hold(connection, self.holder):
                return 0
            if lost := rounds.settle_lost(connection):
                log.warning("%s notices to customers may have been sent, and are not sent again", lost)
            waits = rounds.is_paused(connection)
            due = [] if waits else rounds.due(connection, MESSAGES_AT_ONCE, self.terms.per_minute)
        if due:
            channels = {Notifications.LOG: self._log, Notifications.SMTP: self._mail}
            channels[self.terms.channel](due)
        return len(due)

    def _log(self, due: list[int]) -> None:
        for number in due:
            if prepared := self._prepared(number):
                notice, text = prepared
                self._close(number, NotificationStatus.SENT)
                log.info("notice %s of order %s: %s", number, notice.order_id, text.subject)

    def _mail(self, due: list[int]) -> None:
        until = time.monotonic() + ROUND_SECONDS
        with self._noting_failures(), self._connected() as server:
            for number in due:
                if self.stopping.is_set() or time.monotonic() >= until or not self._send(server, number):
                    return

    def _send(self, server: smtplib.SMTP, number: int) -> bool:
        """Sends a notice; returns whether the connection can be used for the next one."""
        prepared = self._prepared(number)
        if prepared is None:
            return True
        notice, text = prepared
        message = message_of_notice(self.terms, text, _subject(notice), notice.email, self._store_id())
        outcome = hand_over(
            server, message, self.terms.sender_address, notice.email, lambda: self._begin(number)
        )
        with self.engine.begin() as connection:
            rounds.end_sending(connection, notice, self.terms.channel, outcome)
            if isinstance(outcome, Unknown):
                rounds.note_failure(connection, outcome.why)
        if why := getattr(outcome, "why", None):
            log.warning("notice %s was not accepted: %s", number, why)
        return not isinstance(outcome, Unknown)

    def _begin(self, number: int) -> bool:
        with self.engine.begin() as connection:
            return rounds.begin_sending(connection, number, self.holder)

    def _prepared(self, number: int) -> tuple[Row[Any], Rendered] | None:
        """Returns a notice with its text; None if it must not be sent, which is recorded."""
        with reading(self.engine) as connection:
            notice = rounds.find(connection, number)
            if notice is None:
                return None
            reason = rounds.reason_to_skip(notice)
            try:
                if reason is None:
                    subject = _subject(notice)
                    text = rendered(connection, self.terms, self._templates, subject, notice.language)
                    return notice, text
                status, why = NotificationStatus.SKIPPED, reason.value
            except NoticeTemplateError as error:
                status, why = NotificationStatus.FAILED, str(error)
        self._close(number, status, why)
        return None

    def _close(self, number: int, status: NotificationStatus, why: str | None = None) -> None:
        with self.engine.begin() as connection:
            rounds.close(connection, number, status, why)
        if status is NotificationStatus.FAILED:
            log.warning("notice %s: %s", number, why)

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        if self.terms.mail_server is None:
            raise ConnectionError("ORDERS_SMTP_URL is not set")
        server = connect(self.terms.mail_server)
        try:
            # After STARTTLS, the client must send EHLO again.
            server.ehlo_or_helo_if_needed()
            yield server
        finally:
            with suppress(OSError, smtplib.SMTPException):
                server.quit()
            server.close()

    @contextmanager
    def _noting_failures(self) -> Iterator[None]:
        try:
            yield
        except NotNotedError:
            log.info("another process sends notices to customers")
        except (OSError, smtplib.SMTPException) as error:
            why = without_addresses(str(error) or type(error).__name__, "")
            log.warning("the mail server takes no notices to customers: %s", why)
            with self.engine.begin() as connection:
                rounds.note_failure(connection, why)

    def _store_id(self) -> str:
        self._store = self._store or store_id(self.engine)
        return self._store


def _subject(notice: Row[Any]) -> Subject:
    return Subject(notice.type, notice.order_id, notice.attempt, notice.data or {}, notice.id, notice.round)
