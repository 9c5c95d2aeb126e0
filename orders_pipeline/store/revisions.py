"""Which revision the order store's tables have, and whether this code can use them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from orders_pipeline.base.version import VERSION


class StoreRefused(RuntimeError):
    """This code cannot use the order store in its present state; nothing was changed.

    `code` is stable and snake_case, `message` one sentence, `hint` what to do. As a string it is message and
    hint, because logs and run pages show nothing else.
    """

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(f"{message} {hint}")
        self.code, self.message, self.hint = code, message, hint


@dataclass(frozen=True, slots=True)
class Migrations:
    """A folder of Alembic, and the newest revision in its `versions`."""

    folder: Path
    head: str

    def known(self) -> set[str]:
        """Every revision that can be upgraded to the newest."""
        return {path.name.partition("_")[0] for path in (self.folder / "versions").glob("[0-9]*_*.py")}


# The newest revision is named here, because alembic takes 0.2 s to load.
OURS = Migrations(Path(__file__).parent / "migrations", "0026")


def current_revision(connection: Connection) -> str | None:
    """The revision of the tables, or None where there are none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def revision_of(engine: Engine) -> str | None:
    """The revision of a store's tables, or None where there are none; waits for no writer."""
    with engine.connect().execution_options(reads_only=True) as connection:
        return current_revision(connection)


def is_outdated(revision: str | None, migrations: Migrations = OURS) -> bool:
    """Whether tables of this revision have to be upgraded.

    Raises:
        StoreRefused: a newer version made them.
    """
    if revision is None or revision == migrations.head:
        return False
    if revision not in migrations.known():
        raise StoreRefused(
            "store_newer",
            f"The order store has tables of revision {revision}, which orders-pipeline {VERSION}"
            " does not know: a newer version made them.",
            "Install that version, or restore a backup from before its upgrade (docs/upgrading.md).",
        )
    return True


def require_current(revision: str | None, migrations: Migrations = OURS) -> None:
    """Makes sure that this code can use tables of this revision, or a store without tables.

    Raises:
        StoreRefused: they are older or newer.
    """
    if is_outdated(revision, migrations):
        raise StoreRefused(
            "store_outdated",
            f"The order store has tables of revision {revision}; orders-pipeline {VERSION} needs revision"
            f" {migrations.head}.",
            "Stop the workers on every machine, then run `orders upgrade` (docs/upgrading.md).",
        )
