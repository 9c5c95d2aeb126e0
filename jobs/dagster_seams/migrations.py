"""Dagster's migrations of its own stores, read once by a process.

For: speed. Each step of a run opens three of those stores, and for each of them alembic compiles some ninety
files to learn the newest version.
Without it: everything works; what Dagster takes for a step doubles.
Instead: nothing public; a Dagster that remembers its migrations makes this needless.
"""

from types import SimpleNamespace

from alembic.config import Config
from alembic.script import ScriptDirectory
from dagster._core.storage import sql


def read_migrations_once() -> None:
    """Lets Dagster remember the migrations that it has read: they do not change while a process lives."""
    known: dict[str | None, ScriptDirectory] = {}

    def from_config(config: Config) -> ScriptDirectory:
        location = config.get_main_option("script_location")
        if location not in known:
            known[location] = ScriptDirectory.from_config(config)
        return known[location]

    vars(sql)["ScriptDirectory"] = SimpleNamespace(from_config=from_config)
