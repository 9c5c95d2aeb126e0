"""Finds other connections to a PostgreSQL order store."""

from __future__ import annotations

from sqlalchemy import Connection, TextClause, text
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

# Within a transaction, PostgreSQL repeats its first answer about sessions until this clears it.
FORGET = text("SELECT pg_stat_clear_snapshot()")
SESSIONS = (
    "SELECT coalesce(nullif(application_name, ''), 'a program without a name')"
    " || ' on ' || coalesce(host(client_addr), 'the same machine') FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
)
OTHERS = text(SESSIONS)
# Programs of this home connect from this address, under the pipeline's name or, in 0.1.0, without one.
FOREIGN = text(
    SESSIONS + " AND (client_addr IS DISTINCT FROM inet_client_addr()"
    " OR application_name <> '' AND application_name NOT LIKE 'orders-pipeline%')"
)
POLL_SECONDS = 0.1


def other_sessions(connection: Connection, which: TextClause = OTHERS) -> list[str]:
    """Program and machine of each other session of this database; none on SQLite, which has no sessions."""
    if connection.dialect.name != "postgresql":
        return []
    connection.execute(FORGET)
    return sorted(connection.execute(which).scalars())


def sessions_that_stay(connection: Connection, seconds: float, which: TextClause = OTHERS) -> list[str]:
    """Other sessions that still exist after these seconds. A session outlives its program for a moment.

    Args:
        which: `OTHERS`, or `FOREIGN` for those that are surely not of this home's programs.
    """
    asking = Retrying(
        retry=retry_if_result(bool), stop=stop_after_delay(seconds), wait=wait_fixed(POLL_SECONDS)
    )
    try:
        return asking(other_sessions, connection, which)
    except RetryError as error:
        found: list[str] = error.last_attempt.result()
        return found
