"""Keys of the HTTP API: shown once when they are made, kept as a digest.

A key is 256 random bits, too many to guess, so SHA-256 protects it as well as a slow password hash would, and
costs a request nothing. The prefix of a key finds its row, and one digest is compared in constant time.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import asdict, dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, insert, or_, select, update

from orders_pipeline.base.clock import duration_us, now_us, to_datetime
from orders_pipeline.base.model import Scope
from orders_pipeline.store.schema import api_keys

MARK = "orders"
NOTED_EVERY = duration_us(timedelta(hours=1))


NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
RESERVED = "home"


class BadKeyNameError(ValueError):
    """A name that no key can have."""


class KeyExistsError(ValueError):
    """A key has this name already."""


class UnknownKeyError(LookupError):
    """No key has this name."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key without its secret; times are microseconds since 1970, the last use is recorded to the hour."""

    name: str
    prefix: str
    scope: Scope
    created_at: int
    expires_at: int | None
    last_used_at: int | None

    @property
    def has_expired(self) -> bool:
        """Whether the key is past its expiry time."""
        return self.expires_at is not None and self.expires_at <= now_us()


def create_key(connection: Connection, name: str, scope: Scope, lifetime: timedelta | None = None) -> str:
    """Creates a key and returns it. It is never shown again.

    Raises:
        BadKeyNameError: no key can have this name.
        KeyExistsError: the name is taken.
    """
    if not NAME.fullmatch(name) or name == RESERVED:
        raise BadKeyNameError(f"{name!r} cannot be the name of a key.")
    if connection.scalar(select(api_keys.c.name).where(api_keys.c.name == name)):
        raise KeyExistsError(f"there is a key {name!r} already")
    prefix, now = secrets.token_hex(4), now_us()
    key = f"{MARK}_{prefix}_{secrets.token_urlsafe(32)}"
    expires_at = now + duration_us(lifetime) if lifetime else None
    values = {"name": name, "prefix": prefix, "digest": _digest(key), "scope": scope}
    connection.execute(insert(api_keys).values(**values, created_at=now, expires_at=expires_at))
    return key


def revoke_key(connection: Connection, name: str) -> None:
    """Deletes a key. From now on it is refused.

    Raises:
        UnknownKeyError: there is no such key.
    """
    if not connection.execute(delete(api_keys).where(api_keys.c.name == name)).rowcount:
        raise UnknownKeyError(f"there is no key {name!r}")


def list_keys(connection: Connection) -> list[ApiKey]:
    """All keys by name, the expired ones too."""
    return [_api_key(row) for row in connection.execute(select(api_keys).order_by("name")).mappings()]


def key_document(key: ApiKey) -> dict[str, Any]:
    """A key as commands and pages show it."""
    moments = {name: getattr(key, name) for name in ("created_at", "expires_at", "last_used_at")}
    times = {name: to_datetime(at).isoformat() if at else None for name, at in moments.items()}
    return {**asdict(key), **times, "expired": key.has_expired}


def find_key(connection: Connection, shown: str) -> ApiKey | None:
    """Returns what is known of a key that a client shows; None if it is unknown or has expired."""
    mark, _, rest = shown.partition("_")
    row = connection.execute(select(api_keys).where(api_keys.c.prefix == rest.partition("_")[0])).mappings()
    found = row.one_or_none()
    if mark != MARK or found is None or not secrets.compare_digest(found["digest"], _digest(shown)):
        return None
    key = _api_key(found)
    return None if key.has_expired else key


def note_use(connection: Connection, name: str) -> None:
    """Notes that a key was used, at most once an hour."""
    now = now_us()
    long_ago = or_(api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at <= now - NOTED_EVERY)
    connection.execute(update(api_keys).where(api_keys.c.name == name, long_ago).values(last_used_at=now))


def is_use_noted(key: ApiKey) -> bool:
    """Whether the key's use within the last hour is noted."""
    return key.last_used_at is not None and key.last_used_at > now_us() - NOTED_EVERY


def _api_key(row: RowMapping) -> ApiKey:
    values = {name: value for name, value in row.items() if name != "digest"}
    return ApiKey(**values | {"scope": Scope(row["scope"])})


def _digest(key: str) -> bytes:
    return sha256(key.encode()).digest()
