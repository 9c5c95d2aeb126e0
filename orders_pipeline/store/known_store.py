"""A home remembers the order store that it uses, so that a lost store is noticed, not silently created again.

`known-store-1f2e3d4c.id` in ORDERS_HOME contains the token of the store at one URL.
"""

from __future__ import annotations

from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from sqlalchemy import URL, Engine, make_url, select

from orders_pipeline.base.files.home import make_home
from orders_pipeline.base.files.secret_files import write_private
from orders_pipeline.store.engine import reading
from orders_pipeline.store.revisions import StoreRefused, current_revision
from orders_pipeline.store.schema import home


def require_present_store(url: str, folder: Path) -> None:
    """Checks that the SQLite file that this home has used is there. Opens and creates nothing.

    Raises:
        StoreRefused: the file is gone.
    """
    address = make_url(url)
    file, memory = _file(address), _memory(address, folder)
    if file and memory.exists() and not file.exists():
        raise _refusal(
            "store_missing", f"The order store {file}, which this home used before, is missing.", memory
        )


def require_known_store(engine: Engine, folder: Path) -> None:
    """Checks that the store is the one that this home has used. A missing SQLite file is not created.

    A PostgreSQL store with another token passes: another machine may have restored a backup.

    Raises:
        StoreRefused: the store is missing, is empty, or is another SQLite file than before.
    """
    require_present_store(engine.url.render_as_string(hide_password=False), folder)
    memory = _memory(engine.url, folder)
    if not (known := _remembered(memory)):
        return
    found, file = _token(engine), _file(engine.url)
    if found is None:
        raise _refusal("store_empty", "The order store, which this home used before, is now empty.", memory)
    if file and found != known:
        message = f"The order store {file} is not the one that this home used before."
        raise _refusal("store_replaced", message, memory)


def remember_store(engine: Engine, folder: Path) -> None:
    """Remembers the store of this home. A home that cannot be written remembers none."""
    memory, token = _memory(engine.url, folder), _token(engine)
    if token is None or _remembered(memory) == token:
        return
    with suppress(OSError):
        make_home(folder)
        write_private(memory, f"{token}\n")


def forget_store(engine: Engine, folder: Path) -> None:
    """Forgets the store, because a restored backup is about to replace it."""
    _memory(engine.url, folder).unlink(missing_ok=True)


def _memory(url: URL, folder: Path) -> Path:
    # The password does not decide which store it is.
    address = url.set(password=None).render_as_string()
    return folder / f"known-store-{sha256(address.encode()).hexdigest()[:8]}.id"


def _remembered(memory: Path) -> str:
    # In containers, the file may belong to another user.
    try:
        return memory.read_text().strip()
    except (FileNotFoundError, PermissionError):
        return ""


def _file(url: URL) -> Path | None:
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


def _token(engine: Engine) -> str | None:
    with reading(engine) as connection:
        if current_revision(connection) is None:
            return None
        token: str | None = connection.scalar(select(home.c.token))
        return token


def _refusal(code: str, message: str, memory: Path) -> StoreRefused:
    return StoreRefused(
        code,
        message,
        "Run `orders down`, then put the store back, or restore a backup (`orders restore`). "
        f"To use the store as it is now, remove {memory}.",
    )
