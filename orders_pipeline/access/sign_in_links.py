"""Links that sign their user in once, like those of Jupyter.

The token is behind `#`, which browsers do not send, so neither a server nor a proxy can log it. The store
keeps only its digest. Using a link removes it, which only one request can do.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from hashlib import sha256

from sqlalchemy import Connection, delete, insert, select

from orders_pipeline.access.users import User, find_user
from orders_pipeline.base.clock import duration_us, now_us
from orders_pipeline.store.schema import sign_in_links, users

SIGN_IN = "/sign-in"
LIVES = timedelta(minutes=10)


def make_link(connection: Connection, user: User, address: str) -> str:
    """Returns a link that signs this user in once, within ten minutes. The user's older links still work.

    Args:
        address: of the console, such as `http://127.0.0.1:8000`.
    """
    token, now = secrets.token_urlsafe(32), now_us()
    connection.execute(delete(sign_in_links).where(sign_in_links.c.expires_at <= now))
    row = {"digest": _digest(token), "user_id": user.id, "expires_at": now + duration_us(LIVES)}
    connection.execute(insert(sign_in_links).values(row))
    return f"{address}{SIGN_IN}#once={token}"


def use_link(connection: Connection, token: str) -> User | None:
    """The user whom this token signs in, and makes it invalid. None if it is unknown, used or expired."""
    row = sign_in_links.c.digest == _digest(token)
    used = delete(sign_in_links).where(row).returning(sign_in_links.c.user_id, sign_in_links.c.expires_at)
    found = connection.execute(used).one_or_none()
    if found is None or found.expires_at <= now_us():
        return None
    name = connection.execute(select(users.c.name).where(users.c.id == found.user_id)).scalar_one()
    return find_user(connection, name)


def _digest(token: str) -> bytes:
    return sha256(token.encode()).digest()
