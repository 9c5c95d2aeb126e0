"""Rate limits: requests by key, else by address, and wrong keys by address."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address, ip_network
from typing import TypeVar

from fastapi import Request
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import FixedWindowRateLimiter
from redis import Redis

from orders_pipeline.api.protocol.errors import Refused

WRONG_KEYS_PER_MINUTE = 10
Answer = TypeVar("Answer")
log = logging.getLogger(__name__)


class RateLimit:
    """A limit of requests per minute and client, counted in Redis, or in this process while Redis is down.

    Args:
        per_minute: maximum of requests per minute; 0 turns every limit off.
    """

    def __init__(self, per_minute: int, redis: Redis, redis_url: str) -> None:
        self._requests = RateLimitItemPerMinute(per_minute, namespace="http") if per_minute else None
        wrong = min(per_minute, WRONG_KEYS_PER_MINUTE)
        self._wrong_keys = RateLimitItemPerMinute(wrong, namespace="wrong-keys") if wrong else None
        storage = RedisStorage(redis_url, redis.connection_pool, wrap_exceptions=True)
        self._shared = FixedWindowRateLimiter(storage)
        self._own = FixedWindowRateLimiter(MemoryStorage())

    def count(self, client: str) -> None:
        """Counts a request.

        Raises:
            Refused: 429, with the seconds to wait.
        """
        item = self._requests
        if item and not self._ask(lambda limiter: limiter.hit(item, client)):
            raise self._too_many(item, client, "Too many requests.")

    def count_wrong_key(self, address: str) -> None:
        """Counts an unknown key."""
        if item := self._wrong_keys:
            self._ask(lambda limiter: limiter.hit(item, address))

    def refuse_guessing(self, address: str) -> None:
        """Refuses an address that sent too many wrong keys, before its next key is checked.

        Raises:
            Refused: 429, with the seconds to wait.
        """
        item = self._wrong_keys
        if item and not self._ask(lambda limiter: limiter.test(item, address)):
            raise self._too_many(item, address, "Too many wrong keys.")

    def hit(self, item: RateLimitItem, counted: str, message: str) -> None:
        """Counts something against a limit of its own.

        Raises:
            Refused: 429, with the seconds to wait.
        """
        if not self._ask(lambda limiter: limiter.hit(item, counted)):
            raise self._too_many(item, counted, message)

    def refuse_more(self, item: RateLimitItem, counted: str, message: str) -> None:
        """Refuses a request whose limit is reached. Counts nothing.

        Raises:
            Refused: 429, with the seconds to wait.
        """
        if not self._ask(lambda limiter: limiter.test(item, counted)):
            raise self._too_many(item, counted, message)

    def note(self, item: RateLimitItem, counted: str) -> None:
        """Counts something that is refused next time."""
        self._ask(lambda limiter: limiter.hit(item, counted))

    def forget(self, item: RateLimitItem, counted: str) -> None:
        """Resets a count."""
        self._ask(lambda limiter: limiter.clear(item, counted))

    def _too_many(self, item: RateLimitItem, client: str, message: str) -> Refused:
        window = self._ask(lambda limiter: limiter.get_window_stats(item, client))
        wait = max(1, round(window.reset_time - time.time()))
        return Refused(429, message, {"Retry-After": str(wait)})

    def _ask(self, question: Callable[[FixedWindowRateLimiter], Answer]) -> Answer:
        try:
            return question(self._shared)
        except StorageError as error:
            log.warning("Redis is down; requests are counted in this process: %s", error.storage_error)
            return question(self._own)


def address_of(request: Request) -> str:
    """The address of a client; of IPv6 its network, because a client has every address of a /64.

    Behind a proxy of `ORDERS_TRUSTED_PROXIES`, it is the address that the proxy names.
    """
    shown = request.client.host if request.client else ""
    try:
        address = ip_address(shown)
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or ip_network((address, 64), strict=False))
    return shown
