"""Rejected lines by code, of all time, without counting those of a finished import again.

`metrics:rejects:{store}` in Redis is a hash of the rejects by code of each import that has ended, kept for
30 days after the last write. Lines that upkeep deletes later stay counted as long.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any, cast

import redis
from sqlalchemy import Connection, select

from orders_pipeline.base.model import ENDED_IMPORTS
from orders_pipeline.imports.report import count_rejects
from orders_pipeline.monitoring.tallies import LIFETIME_SECONDS
from orders_pipeline.store.schema import imports


@dataclass(frozen=True, slots=True)
class RejectCounts:
    """Rejects of a store; `owner` names it."""

    client: redis.Redis
    owner: str

    def by_code(self, connection: Connection) -> Counter[str]:
        """Rejected lines by code.

        Raises:
            RedisError: Redis does not answer; without it every reject would be counted.
        """
        known = cast(dict[str, str], self.client.hgetall(self._key))
        total: Counter[str] = Counter()
        new: dict[str, str] = {}
        query = select(imports.c.id, imports.c.status).where(imports.c.records > 0)
        for import_id, status in connection.execute(query).all():
            field = f"{import_id}"
            counts = json.loads(known[field]) if field in known else count_rejects(connection, import_id)
            total.update(counts)
            if field not in known and status in ENDED_IMPORTS:
                new[field] = json.dumps(counts)
        self._keep(new)
        return total

    def _keep(self, new: dict[str, str]) -> None:
        if new:
            self.client.hset(self._key, mapping=cast(Any, new))
            self.client.expire(self._key, LIFETIME_SECONDS)

    @property
    def _key(self) -> str:
        return f"metrics:rejects:{self.owner}"
