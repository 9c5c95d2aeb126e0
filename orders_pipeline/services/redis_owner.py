"""The owner of a Redis database: the home and order store that use it.

Two stores on one database would invalidate each other's figures and take each other's tasks. Homes that
share an order store also share its Redis. The key does not expire.
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
    """The user of a Redis database. `store` is the order store's token."""

    store: str
    home: str
    host: str

    @classmethod
    def of(cls, store: str, home: Path) -> Owner:
        """The owner value of this home on this machine."""
        return cls(store, str(home), socket.gethostname())


def claim_redis(client: redis.Redis, owner: Owner) -> None:
    """Claims a Redis database for this home. The database must be unclaimed or its own.

    A home keeps its Redis after a restore, although its store then has another token.

    Raises:
        RedisTakenError: another home with another store uses it; the message names both.
        RedisError: Redis does not answer, or rejects writes.
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
