"""Creates Dagster's own stores of a new home, before several processes can do so at the same time.

Dagster creates them without a lock. Two processes at the same time can leave a SQLite store with two schema
versions, which no process can open.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from cli.stack.errors import StackError
from cli.stack.layout import Layout
from cli.stack.programs.programs import variables
from orders_pipeline.base.settings import Settings

PREPARED = "dagster.prepared"


def prepare_dagster(settings: Settings) -> None:
    """Creates Dagster's stores for this home and dagster.yaml, unless they exist.

    Raises:
        StackError: Dagster rejects its configuration or cannot reach its database.
    """
    layout = Layout(settings.home)
    with (layout.run / PREPARED).open("a+") as prepared:
        fcntl.flock(prepared, fcntl.LOCK_EX)
        prepared.seek(0)
        if str(settings.dagster_home) in prepared.read().splitlines():
            return
        with _environment(variables(settings)):
            _open_once(settings)
        prepared.write(f"{settings.dagster_home}\n")


def _open_once(settings: Settings) -> None:
    from dagster import DagsterInstance  # noqa: PLC0415 takes a second to load

    try:
        DagsterInstance.get().dispose()
    except Exception as error:
        raise StackError(
            "dagster_unusable",
            f"Dagster cannot start with {settings.dagster_home}/dagster.yaml: {_reason(error)}",
        ) from error


def _reason(error: BaseException) -> str:
    """Returns the message of the root cause in one line."""
    while cause := error.__cause__ or error.__context__:
        error = cause
    return " ".join(str(error).split())


@contextmanager
def _environment(wanted: Mapping[str, str]) -> Iterator[None]:
    """Sets environment variables with Dagster's home, within the context."""
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
