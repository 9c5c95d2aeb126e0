"""Which home publishes the figures of an order store that several machines share.

The warehouse is a file, and `kpi_days` notes what it shows: with two of them each would miss what the other
published. A SQLite store belongs to one home anyway.
"""

from __future__ import annotations

import secrets
import socket
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Connection, Engine, select, update

from orders_pipeline.base.home import make_home
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import home, kpi_days

ID_FILE = "publisher.id"


class FiguresElsewhere(LookupError):
    """The figures asked for are published by another home; the message names its machine and folder."""

    def __init__(self, publisher: str) -> None:
        super().__init__(f"The KPIs of this order store are published by another home: {publisher}")


def publisher_elsewhere(engine: Engine, folder: Path) -> str:
    """Name of the home that publishes instead of this one; empty where it is this one, or none yet."""
    if engine.dialect.name == "sqlite":
        return ""
    with reading(engine) as connection:
        publisher = str(connection.execute(select(home.c.publisher)).scalar_one())
    name, _, token = publisher.rpartition("#")
    return "" if token == _token(folder) else name


def publisher_name(folder: Path) -> str:
    """How the order store names the home with this warehouse folder.

    Its end, drawn once per home, is what counts: containers on one volume have a machine's name each.
    """
    make_home(folder.parent)
    with suppress(FileExistsError), (folder.parent / ID_FILE).open("x") as file:
        file.write(secrets.token_hex(8))
    return f"{socket.gethostname()}:{folder}#{_token(folder)}"


def _token(folder: Path) -> str:
    file = folder.parent / ID_FILE
    return file.read_text() if file.exists() else ""


def require_publisher(engine: Engine, folder: Path) -> None:
    """Makes sure that no other home publishes.

    Raises:
        FiguresElsewhere: one does.
    """
    if publisher := publisher_elsewhere(engine, folder):
        raise FiguresElsewhere(publisher)


def become_publisher(engine: Engine, folder: Path) -> None:
    """Claims the figures for this home, unless another one has.

    Raises:
        FiguresElsewhere: another has.
    """
    if engine.dialect.name == "sqlite":
        return
    name = publisher_name(folder)
    with engine.begin() as connection:
        connection.execute(update(home).where(home.c.publisher == "").values(publisher=name))
    require_publisher(engine, folder)


def take_over(connection: Connection, folder: Path) -> str:
    """Makes this home the one that publishes; every day is due, whatever its warehouse holds. Its name."""
    name = publisher_name(folder)
    connection.execute(update(home).values(publisher=name))
    connection.execute(update(kpi_days).values(published=0))
    return name.rpartition("#")[0]
