"""Ends this process at a chosen commit of an engine.

Commit number n has the points 2n, just before it, and 2n + 1, just after it.
"""

from __future__ import annotations

import os

from sqlalchemy import Connection, Engine, event

KILLED = 137


class CommitPoints:
    """Counts the commits of an engine that may write, and ends the process at one point of them."""

    def __init__(self, engine: Engine, killed_at: int | None = None) -> None:
        self.commits = 0
        self._killed_at = killed_at
        event.listen(engine, "commit", self._meet)

    @property
    def points(self) -> int:
        """How many points the commits so far had."""
        return 2 * self.commits

    def _meet(self, connection: Connection) -> None:
        if connection.get_execution_options().get("reads_only"):
            return
        if self._killed_at == self.points:
            os._exit(KILLED)
        if self._killed_at == self.points + 1:
            driver = connection.connection.dbapi_connection
            assert driver is not None
            driver.commit()
            os._exit(KILLED)
        self.commits += 1
