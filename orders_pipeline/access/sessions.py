"""Sessions of signed-in users.

A session is a random token in a cookie. The store keeps only its digest, which opens nothing. A session ends
by signing out, when it was not used for a while, after a maximum time, and with whatever changes the rights
of its user (`users.py`). The token that protects forms (CSRF) is derived from it, so it needs no storage.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, delete, insert, or_, select, update

from orders_pipeline.access.users import User
from orders_pipeline.base.clock import duration_us, now_us
from orders_pipeline.base.model import Role, SignInMethod
from orders_pipeline.store.schema import sign_in_links, user_sessions, users

NOTED_EVERY = duration_us(timedelta(minutes=1))
MOST_BROWSER_CHARACTERS = 200
# Enough for all browsers of a user. If there are more sessions, the oldest end.
MOST_OF_ONE_USER = 50


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """The limits of sessions: after some time without use, and a longest lifetime."""

    idle: timedelta
    whole: timedelta


@dataclass(frozen=True, slots=True)
class Client:
    """The client of a sign-in: its address and its User-Agent."""

    address: str
    browser: str


@dataclass(frozen=True, slots=True)
class Session:
    """An open session, and its user as of now. Times are microseconds since 1970."""

    id: int
    user_id: int
    user: str
    role: Role
    method: SignInMethod
    created_at: int
    seen_at: int
    expires_at: int
    address: str
    browser: str

    @property
    def is_use_noted(self) -> bool:
        """Whether the session's use within the last minute is noted."""
        return self.seen_at > now_us() - NOTED_EVERY


def open_session(
    connection: Connection, user: User, method: SignInMethod, client: Client, lifetimes: Lifetimes
) -> str:
    """Opens a session and returns its token, which is always a new one."""
    now, token = now_us(), secrets.token_urlsafe(32)
    _remove_ended(connection, user.id, lifetimes)
    connection.execute(
        insert(user_sessions).values(
            digest=_digest(token),
            user_id=user.id,
            method=method,
            created_at=now,
            seen_at=now,
            expires_at=now + duration_us(lifetimes.whole),
            address=client.address,
            browser=client.browser[:MOST_BROWSER_CHARACTERS],
        )
    )
    connection.execute(update(users).where(users.c.id == user.id).values(signed_in_at=now))
    return token


def find_session(connection: Connection, token: str, lifetimes: Lifetimes) -> Session | None:
    """The open session with this token, with its user's present role."""
    query = _sessions(lifetimes).where(user_sessions.c.digest == _digest(token))
    row = connection.execute(query).mappings().one_or_none()
    return _session(row) if row else None


def list_sessions(connection: Connection, user_id: int, lifetimes: Lifetimes) -> list[Session]:
    """The open sessions of a user, the last used first."""
    query = _sessions(lifetimes).where(user_sessions.c.user_id == user_id)
    newest = query.order_by(user_sessions.c.seen_at.desc(), user_sessions.c.id.desc())
    return [_session(row) for row in connection.execute(newest).mappings()]


def note_use(connection: Connection, session_id: int) -> None:
    """Notes that a session is used, at most once a minute."""
    now, c = now_us(), user_sessions.c
    unnoted = (c.id == session_id, c.seen_at <= now - NOTED_EVERY)
    connection.execute(update(user_sessions).where(*unnoted).values(seen_at=now))


def end_session(connection: Connection, session_id: int, user_id: int) -> bool:
    """Ends a session of a user. Returns whether it was open."""
    own = (user_sessions.c.id == session_id, user_sessions.c.user_id == user_id)
    return connection.execute(delete(user_sessions).where(*own)).rowcount == 1


def end_other_sessions(connection: Connection, session: Session) -> int:
    """Ends all sessions of a session's user except this one. Returns how many."""
    others = (user_sessions.c.user_id == session.user_id, user_sessions.c.id != session.id)
    return connection.execute(delete(user_sessions).where(*others)).rowcount


def end_all_sessions(connection: Connection) -> None:
    """Ends the sessions of all users, and makes all links that sign in invalid."""
    for table in (sign_in_links, user_sessions):
        connection.execute(delete(table))


def form_token(token: str) -> str:
    """Returns the token in the forms of a session, which shows that they are from its own pages."""
    return hmac.new(token.encode(), b"form", sha256).hexdigest()


def is_form_token(token: str, shown: str) -> bool:
    """Whether a form carries the token of this session. Compares in constant time."""
    return secrets.compare_digest(form_token(token).encode(), shown.encode())


def _sessions(lifetimes: Lifetimes) -> Select[Any]:
    c, now = user_sessions.c, now_us()
    listed = (c.id, c.user_id, users.c.name.label("user"), users.c.role, c.method, c.created_at, c.seen_at)
    joined = select(*listed, c.expires_at, c.address, c.browser).join(users, users.c.id == c.user_id)
    return joined.where(c.expires_at > now, c.seen_at > now - duration_us(lifetimes.idle))


def _remove_ended(connection: Connection, user_id: int, lifetimes: Lifetimes) -> None:
    c, now = user_sessions.c, now_us()
    ended = or_(c.expires_at <= now, c.seen_at <= now - duration_us(lifetimes.idle))
    connection.execute(delete(user_sessions).where(ended))
    kept = select(c.id).where(c.user_id == user_id).order_by(c.seen_at.desc()).limit(MOST_OF_ONE_USER - 1)
    too_many = (c.user_id == user_id, c.id.not_in(kept))
    connection.execute(delete(user_sessions).where(*too_many))


def _session(row: RowMapping) -> Session:
    return Session(**{**row, "role": Role(row["role"]), "method": SignInMethod(row["method"])})


def _digest(token: str) -> bytes:
    return sha256(token.encode()).digest()
