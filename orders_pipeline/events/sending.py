"""Sends signed requests to an endpoint, several at a time, with limits on the time and size of responses."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import httpx
from standardwebhooks import Webhook

from orders_pipeline.base.text.printable import printable_line
from orders_pipeline.base.version import VERSION
from orders_pipeline.events.destinations import Destination, ForbiddenDestination, Reach, resolve
from orders_pipeline.services.http_requests import request_within

MOST_ANSWER_BYTES = 64 << 10
MOST_ERROR_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits for sending requests.

    Attributes:
        request_seconds: seconds for one request, from connecting to the last byte of the response.
        round_seconds: seconds after which no more requests of a round are started.
        at_once: number of requests open at the same time.
    """

    request_seconds: float = 15.0
    round_seconds: float = 30.0
    at_once: int = 10


class Message(NamedTuple):
    """A request: the same id, type and body at each try."""

    number: int
    webhook_id: str
    content_type: str
    body: bytes
    tries: int = 0


class Sent(NamedTuple):
    """The outcome of a request: the reason of its failure; None if the endpoint accepted it."""

    message: Message
    error: str | None


def send_messages(
    url: str,
    keys: Sequence[str],
    messages: Sequence[Message],
    reach: Reach,
    certificates: ssl.SSLContext,
    limits: Limits,
    is_over: Callable[[], bool] = lambda: False,
) -> list[Sent]:
    """Sends messages. Those that were not started in time, or before `is_over` was true, get no outcome."""
    try:
        destination = resolve(url, reach)
    except (ForbiddenDestination, OSError) as error:
        return [Sent(message, _shown(error)) for message in messages]
    sender = _Sender(destination, keys, certificates, limits, is_over)
    return asyncio.run(sender.send_all(messages))


def signed_headers(keys: Sequence[str], message: Message, at: datetime) -> dict[str, str]:
    """Returns the headers of Standard Webhooks for a try at this time, with a signature for each key."""
    text = message.body.decode()
    signatures = [Webhook(key).sign(message.webhook_id, at, text) for key in keys]
    return {
        "webhook-id": message.webhook_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
        "content-type": message.content_type,
        "user-agent": f"orders-pipeline/{VERSION}",
    }


class _Sender:
    def __init__(
        self,
        destination: Destination,
        keys: Sequence[str],
        certificates: ssl.SSLContext,
        limits: Limits,
        is_over: Callable[[], bool],
    ) -> None:
        self._to, self._keys, self._limits = destination, keys, limits
        self._certificates, self._is_over = certificates, is_over
        self._sent: list[Sent] = []

    async def send_all(self, messages: Sequence[Message]) -> list[Sent]:
        waiting = iter(messages)
        until = asyncio.get_running_loop().time() + self._limits.round_seconds
        lanes = min(self._limits.at_once, len(messages))
        # Without the proxy from the environment, because a proxy would look up the address again.
        async with (
            httpx.AsyncClient(
                verify=self._certificates, trust_env=False, timeout=self._limits.request_seconds
            ) as client,
            asyncio.TaskGroup() as group,
        ):
            for _ in range(lanes):
                group.create_task(self._lane(client, waiting, until))
        return self._sent

    async def _lane(self, client: httpx.AsyncClient, waiting: Iterator[Message], until: float) -> None:
        for message in waiting:
            if asyncio.get_running_loop().time() >= until or self._is_over():
                return
            self._sent.append(Sent(message, await self._error_of(client, message)))

    async def _error_of(self, client: httpx.AsyncClient, message: Message) -> str | None:
        headers = signed_headers(self._keys, message, datetime.now(UTC)) | {"host": self._to.host}
        try:
            answer = await request_within(
                client,
                self._limits.request_seconds,
                "POST",
                self._to.url,
                most_bytes=MOST_ANSWER_BYTES,
                content=message.body,
                headers=headers,
                extensions={"sni_hostname": self._to.name},
            )
        except (httpx.HTTPError, OSError, ValueError) as error:
            return _shown(error)
        if answer.is_success:
            return None
        redirects = "; redirects are not followed" if answer.is_redirect else ""
        return f"it answered {answer.status_code}{redirects}"


def _shown(error: Exception) -> str:
    return printable_line(str(error) or type(error).__name__)[:MOST_ERROR_CHARACTERS]
