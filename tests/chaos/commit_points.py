"""Ends this process, or breaks the connection, at a chosen commit of an engine.

Commit number n has the points 2n, just before it, and 2n + 1, just after it.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import OperationalError

KILLED = 137


def die() -> None:
    """Acts like SIGKILL."""
    os._exit(KILLED)


def lose_connection() -> None:
    """Loses the store's response to COMMIT, as when a network fails.

    Raises:
        OperationalError: always.
    """
    raise OperationalError("COMMIT", None, ConnectionError("the server closed the connection"))


class CommitPoints:
    """Counts the commits of an engine that may write; acts at one of their points."""

    def __init__(self, engine: Engine, at: int | None = None, then: Callable[[], None] = die) -> None:
        self.commits = 0
        self._at = at
        self._then = then
        event.listen(engine, "commit", self._meet)

    @property
    def points(self) -> int:
        """How many points the commits so far had."""
        return 2 * self.commits

    def _meet(self, connection: Connection) -> None:
        if connection.get_execution_options().get("reads_only"):
            return
        point, self.commits = self.points, self.commits + 1
        if self._at == point:
            self._then()
        if self._at == point + 1:
            driver = connection.connection.dbapi_connection
            assert driver is not None
            driver.commit()
            self._then()
