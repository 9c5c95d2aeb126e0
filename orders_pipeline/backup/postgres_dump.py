"""Dumps a PostgreSQL order store with pg_dump, and restores it with pg_restore."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from sqlalchemy import Connection, Engine, func, inspect, make_url, select

from orders_pipeline.backup.errors import BackupError
from orders_pipeline.base.telemetry.stack_trace import QUOTED
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import metadata
from orders_pipeline.store.sessions import other_sessions

DUMP = "orders.dump"


def dump(connection: Connection, url: str, folder: Path) -> None:
    """Dumps the tables in the snapshot of this connection's transaction.

    Raises:
        BackupError: pg_dump is missing or fails.
    """
    snapshot = connection.execute(select(func.pg_export_snapshot())).scalar_one()
    # A store that needs an upgrade lacks the newest tables.
    present = set(inspect(connection).get_table_names())
    tables = [f"--table={name}" for name in (*metadata.tables, "alembic_version") if name in present]
    options = ["--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}"]
    _run("pg_dump", url, [*options, *tables, f"--file={folder / DUMP}"])


def put_back(url: str, folder: Path) -> None:
    """Replaces the tables by the tables of the dump, in one transaction.

    Raises:
        BackupError: pg_restore is missing or fails. The tables are unchanged.
    """
    options = ["--clean", "--if-exists", "--single-transaction", "--no-owner", "--no-privileges"]
    _run("pg_restore", url, [*options, str(folder / DUMP)])


def require_no_other_users(engine: Engine) -> None:
    """Checks that no other program is connected to the database.

    Raises:
        BackupError: another program is connected.
    """
    with reading(engine) as connection:
        others = other_sessions(connection)
    if others:
        raise BackupError(
            "store_in_use",
            f"Other programs use the order store's database: {', '.join(others)}.",
            "Stop the workers, Dagster and the API on every machine first (`orders down`).",
        )


def _run(program: str, url: str, arguments: list[str]) -> None:
    found = shutil.which(program)
    if not found:
        raise BackupError(
            "pg_tools_missing",
            f"{program} was not found.",
            "Install PostgreSQL's client programs, at least of the server's version "
            "(Debian: apt-get install postgresql-client).",
        )
    parts = make_url(url)
    # The password is passed in the environment, because every user can see command lines.
    address = parts.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
    # `_reason` looks for English messages.
    environment = os.environ | {"LC_ALL": "C"}
    if parts.password:
        environment["PGPASSWORD"] = str(parts.password)
    done = subprocess.run(  # noqa: S603
        [found, "--dbname", address, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BackupError("pg_tools_failed", f"{program} failed: {_reason(program, done.stderr)}")


def _reason(program: str, said: str) -> str:
    """The program's first error. The lines of the server that follow it repeat rows."""
    errors = [line for line in said.splitlines() if line.startswith(f"{program}: error: ")]
    own, error, of_server = (errors or ["no reason given"])[0].partition("ERROR: ")
    return own + error + QUOTED.sub("'…'", of_server)
