"""The publisher: the one home that publishes the figures of an order store that several machines share.

The warehouse is a file, and `kpi_days` records which days it contains. With two warehouses, each would lack
the days that the other one published. A SQLite store always belongs to one home.
"""

from __future__ import annotations

import secrets
import socket
from pathlib import Path

from sqlalchemy import Connection, Engine, select, update

from orders_pipeline.base.files.home import make_home
from orders_pipeline.base.files.secret_files import kept_secret
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import home, kpi_days

ID_FILE = "publisher.id"


class FiguresElsewhere(LookupError):
    """Another home publishes the requested figures. The message names its machine and folder."""

    def __init__(self, publisher: str) -> None:
        super().__init__(f"The KPIs of this order store are published by another home: {publisher}")


def publisher_elsewhere(engine: Engine, folder: Path) -> str:
    """Returns the name of the home that publishes instead of this one; empty if there is none."""
    if engine.dialect.name == "sqlite":
        return ""
    with reading(engine) as connection:
        publisher = str(connection.execute(select(home.c.publisher)).scalar_one())
    name, _, token = publisher.rpartition("#")
    return "" if token == _token(folder) else name


def publisher_name(folder: Path) -> str:
    """Returns the name of the home with this warehouse folder, as it is recorded in the order store.

    Names are compared only by their random suffix, which is chosen once per home, because containers that
    share a volume have different host names.
    """
    make_home(folder.parent)
    token = kept_secret(folder.parent / ID_FILE, lambda: secrets.token_hex(8))
    return f"{socket.gethostname()}:{folder}#{token}"


def _token(folder: Path) -> str:
    file = folder.parent / ID_FILE
    return file.read_text().strip() if file.exists() else ""


def require_publisher(engine: Engine, folder: Path) -> None:
    """Checks that no other home publishes.

    Raises:
        FiguresElsewhere: another home publishes.
    """
    if publisher := publisher_elsewhere(engine, folder):
        raise FiguresElsewhere(publisher)


def become_publisher(engine: Engine, folder: Path) -> None:
    """Makes this home the publisher, unless another home is.

    Raises:
        FiguresElsewhere: another home publishes.
    """
    if engine.dialect.name == "sqlite":
        return
    name = publisher_name(folder)
    with engine.begin() as connection:
        connection.execute(update(home).where(home.c.publisher == "").values(publisher=name))
    require_publisher(engine, folder)


def take_over(connection: Connection, folder: Path) -> str:
    """Makes this home the publisher, marks every day as due and returns the home's name."""
    name = publisher_name(folder)
    connection.execute(update(home).values(publisher=name))
    connection.execute(update(kpi_days).values(published=0))
    return name.rpartition("#")[0]
