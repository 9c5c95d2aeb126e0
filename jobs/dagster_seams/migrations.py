"""Reads the migrations of Dagster's own stores once per process.

For: speed. Each step of a run opens three of these stores, and alembic compiles about ninety files for each
to find the newest version.
Without it: everything works, but Dagster's overhead per step doubles.
Instead: no public method. Not needed once Dagster caches its migrations.
"""

from types import SimpleNamespace

from alembic.config import Config
from alembic.script import ScriptDirectory
from dagster._core.storage import sql

from jobs.dagster_seams.storage_engines import SQLITE_STORES


def read_migrations_once() -> None:
    """Makes Dagster cache the list of its migrations, which does not change while a process runs."""
    known: dict[str | None, ScriptDirectory] = {}

    def from_config(config: Config) -> ScriptDirectory:
        location = config.get_main_option("script_location")
        if location not in known:
            known[location] = ScriptDirectory.from_config(config)
        return known[location]

    vars(sql)["ScriptDirectory"] = SimpleNamespace(from_config=from_config)


def read_migrations_now() -> None:
    """Reads the migrations now, so that processes forked from this one already have them."""
    for store in SQLITE_STORES:
        config = sql.get_alembic_config(str(store.__file__))
        vars(sql)["ScriptDirectory"].from_config(config).get_current_head()
