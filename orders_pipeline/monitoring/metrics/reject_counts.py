"""Rejected lines by code, of all time. A finished import is counted once.

`metrics:rejects:{store}` in Redis is a hash of the rejects by code of each finished import. It expires 30
days after the last read. Until then it still counts lines that maintenance has deleted.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import redis
from sqlalchemy import Connection, select

from orders_pipeline.base.model import ENDED_IMPORTS
from orders_pipeline.imports.results.report import count_rejects
from orders_pipeline.monitoring.metrics.tallies import LIFETIME_SECONDS
from orders_pipeline.services.redis_memo import Memo, entries_of, recount
from orders_pipeline.store.schema import imports


@dataclass(frozen=True, slots=True)
class RejectsOfImport:
    """An import as a part of the store. Its rejects do not change after it has ended."""

    id: int
    whole: bool
    state: str = ""

    @property
    def name(self) -> str:
        """Identifies the import."""
        return str(self.id)


@dataclass(frozen=True, slots=True)
class RejectCounts:
    """Counts of all rejects of a store. `owner` is the id of the store."""

    client: redis.Redis
    owner: str

    def by_code(self, connection: Connection) -> Counter[str]:
        """The number of rejected lines by code.


        Raises:
            RedisError: Redis does not answer. Without Redis, all rejects would have to be counted again.
        """
        memo = Memo(self.client, f"metrics:rejects:{self.owner}", LIFETIME_SECONDS)
        known = memo.known()
        query = select(imports.c.id, imports.c.status).where(imports.c.records > 0)
        # An import that was reopened has no new rejects.
        parts = [
            RejectsOfImport(import_id, status in ENDED_IMPORTS or str(import_id) in known)
            for import_id, status in connection.execute(query).all()
        ]
        counted = recount(parts, known, lambda part, _before: count_rejects(connection, part.id))
        memo.keep(known, entries_of(counted))
        total: Counter[str] = Counter()
        for _, by_code in counted:
            total.update(by_code)
        return total
