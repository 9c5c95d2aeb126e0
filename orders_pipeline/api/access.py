"""Who may write, and how often anybody may ask."""

from __future__ import annotations

import logging
import os
import secrets
import time
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import FixedWindowRateLimiter

from orders_pipeline.api.context import Context
from orders_pipeline.api.errors import Refused

bearer = HTTPBearer(auto_error=False, description="The key of this home, see ORDERS_API_KEY.")
log = logging.getLogger(__name__)


def api_key(configured: str, home: Path) -> str:
    """The configured key, else one that was drawn once for this home and lies in `run/api.key`."""
    if configured:
        return configured
    file = home / "run" / "api.key"
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return file.read_text().strip()
    with os.fdopen(descriptor, "w") as opened:
        opened.write(key := secrets.token_urlsafe(32))
    return key


async def require_key(
    context: Context, shown: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> None:
    """Lets only requests with the key pass.

    Raises:
        Refused: 401.
    """
    if shown is None or not secrets.compare_digest(shown.credentials.encode(), context.key.encode()):
        message = "This needs a key: send it as `Authorization: Bearer KEY`."
        raise Refused(401, message, {"WWW-Authenticate": "Bearer"})


class RateLimit:
    """So many requests a minute and client, counted in Redis; in this process while Redis is down."""

    def __init__(self, per_minute: int, redis_url: str) -> None:
        self._item: RateLimitItem | None = RateLimitItemPerMinute(per_minute) if per_minute else None
        options = {"socket_connect_timeout": 1, "socket_timeout": 1}
        self._shared = FixedWindowRateLimiter(RedisStorage(redis_url, wrap_exceptions=True, **options))  # type: ignore[arg-type]
        self._own = FixedWindowRateLimiter(MemoryStorage())

    async def __call__(self, request: Request) -> None:
        """Counts a request.

        Raises:
            Refused: 429, with the seconds to wait.
        """
        if self._item is None:
            return
        client = request.client.host if request.client else "unknown"
        limiter = self._shared
        try:
            passed = limiter.hit(self._item, "http", client)
        except StorageError as error:
            log.warning("Redis is down, requests are counted here: %s", error.storage_error)
            limiter = self._own
            passed = limiter.hit(self._item, "http", client)
        if not passed:
            wait = max(
                1, round(limiter.get_window_stats(self._item, "http", client).reset_time - time.time())
            )
            raise Refused(429, "Too many requests.", {"Retry-After": str(wait)})
