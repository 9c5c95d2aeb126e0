"""The order store of 0.1.0 that is kept with the tests: a home with it, and what 0.1.0 said of it.

`tests/stores/0_1_0` has the store on both databases, its staging area, backups of both, and what the commands
of 0.1.0 said of the store: `contents.json.gz`. Under `afterwards` it tells what 0.1.0 itself came to
when it imported the open files. `scenario.py.txt` and `make.sh.txt` are the record of how it was made.
"""

from __future__ import annotations

import gzip
import json
import tarfile
from pathlib import Path
from typing import Any

import psycopg2

from orders_pipeline.base.settings import Settings

FOLDER = Path(__file__).parent / "stores" / "0_1_0"
PAID_AT_ONCE = {"payment_delay_min": 0, "payment_delay_max": 0}


def contents(database: str) -> dict[str, Any]:
    """What 0.1.0 reported about the store on this database."""
    with gzip.open(FOLDER / "contents.json.gz", "rt", encoding="utf-8") as file:
        found: dict[str, Any] = json.load(file)[database]
    return found


def settings_of_0_1_0(home: Path, postgres_url: str = "") -> Settings:
    """The settings under which the store was made; its own database, or this empty one."""
    return Settings(
        home=home,
        database_url=postgres_url,
        payment_seed="store of 0.1.0",
        payment_success_rate=0.75,
        unknown_sku_stock=50,
        **PAID_AT_ONCE,
    )


def put_home(home: Path, postgres_url: str = "") -> Settings:
    """A home as 0.1.0 left it, on SQLite or in this empty PostgreSQL database; returns its settings."""
    home.mkdir(mode=0o700, parents=True)
    with tarfile.open(FOLDER / "staging.tar.gz") as staging:
        staging.extractall(home, filter="data")
    if postgres_url:
        _load(postgres_url)
        (home / "publisher.id").write_text(contents("postgresql")["publisher_id"])
    else:
        with gzip.open(FOLDER / "orders.db.gz") as store:
            (home / "orders.db").write_bytes(store.read())
    return settings_of_0_1_0(home, postgres_url)


def _load(postgres_url: str) -> None:
    connection = psycopg2.connect(postgres_url.replace("+psycopg2", ""))
    try:
        with gzip.open(FOLDER / "orders.postgresql.sql.gz", "rt", encoding="utf-8") as dump:
            connection.cursor().execute(dump.read())
        connection.commit()
    finally:
        connection.close()
