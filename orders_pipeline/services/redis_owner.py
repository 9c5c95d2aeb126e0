"""Which home and order store use a Redis database.

Two stores on one database would void each other's figures, and take each other's tasks. Homes that share one
order store share its Redis as well. The key has no expiry.
"""

from __future__ import annotations

import json
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

import redis

OWNER_KEY = "orders:owner"


class RedisTakenError(RuntimeError):
    """Another home with another order store uses this Redis database."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Who uses a Redis database. `store` is the order store's token."""

    store: str
    home: str
    host: str

    @classmethod
    def of(cls, store: str, home: Path) -> Owner:
        """The owner that this home on this machine is."""
        return cls(store, str(home), socket.gethostname())


def claim_redis(client: redis.Redis, owner: Owner) -> None:
    """Notes that this home uses a Redis database, which must be free or its own.

    A home whose store was restored keeps its Redis, although the store has another token then.

    Raises:
        RedisTakenError: another home with another store uses it; the message names both.
        RedisError: Redis cannot be asked, or takes no writes.
    """
    document = json.dumps(asdict(owner))
    if client.set(OWNER_KEY, document, nx=True):
        return
    found = Owner(**json.loads(str(client.get(OWNER_KEY) or document)))
    if found.store != owner.store and (found.home, found.host) != (owner.home, owner.host):
        raise RedisTakenError(
            f"This Redis database belongs to the home {found.home} on {found.host}, which has another order "
            f"store than {owner.home}"
        )
    client.set(OWNER_KEY, document)
