"""Users of the console: their names, roles and passwords.

What changes the rights of a user also ends the user's sessions and links, in the same transaction: a new
role, a new password, and the removal.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update

from orders_pipeline.access.passwords import hash_password, require_strong
from orders_pipeline.base.clock import now_us, to_datetime
from orders_pipeline.base.model import Role
from orders_pipeline.store.schema import sign_in_links, user_sessions, users

# OpenID providers and proxies often name people by their mail addresses.
NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}")
BAD_NAME = (
    "A name has up to 64 letters, digits and the characters . _ @ + -, and begins with a letter or a digit."
)


class BadNameError(ValueError):
    """A name that no user can have."""


class UserExistsError(ValueError):
    """A user has this name already."""


class UnknownUserError(LookupError):
    """No user has this name."""


@dataclass(frozen=True, slots=True)
class User:
    """A user, without the password.

    Args:
        created_at, signed_in_at: microseconds since 1970.
        has_password: whether the user can sign in with a password.
        subject: issuer and `sub` of the user at the OpenID provider, once known.
        sessions: how many sessions are open.
    """

    id: int
    name: str
    role: Role
    created_at: int
    signed_in_at: int | None
    has_password: bool
    subject: str | None
    sessions: int = 0


def user_name(written: str) -> str:
    """The name in the form in which it is kept.

    Raises:
        BadNameError: no user can have it.
    """
    name = written.strip().lower()
    if not NAME.fullmatch(name):
        raise BadNameError(BAD_NAME)
    return name


def add_user(
    connection: Connection, name: str, role: Role, password: str | None = None, subject: str | None = None
) -> User:
    """Adds a user. Without a password, the user signs in by a link, a proxy or an OpenID provider.

    Raises:
        BadNameError: no user can have this name.
        UserExistsError: the name is taken.
        WeakPasswordError: the password is easy to guess.
    """
    name = user_name(name)
    if find_user(connection, name):
        raise UserExistsError(f"There is a user {name!r} already.")
    if password is not None:
        require_strong(password, name)
    hashed = hash_password(password) if password is not None else None
    row = {"name": name, "role": role, "password": hashed, "subject": subject, "created_at": now_us()}
    connection.execute(insert(users).values(row))
    return get_user(connection, name)


def find_user(connection: Connection, name: str) -> User | None:
    """The user with this name, in upper or lower case."""
    row = (
        connection.execute(select(users).where(users.c.name == name.strip().lower())).mappings().one_or_none()
    )
    return _user(row) if row else None


def get_user(connection: Connection, name: str) -> User:
    """The user with this name.

    Raises:
        UnknownUserError: there is none.
    """
    if (found := find_user(connection, name)) is None:
        raise UnknownUserError(f"There is no user {name!r}.")
    return found


def list_users(connection: Connection) -> list[User]:
    """All users by name, with the number of their open sessions."""
    now = now_us()
    open_ones = (
        select(func.count())
        .where(user_sessions.c.user_id == users.c.id, user_sessions.c.expires_at > now)
        .scalar_subquery()
    )
    query = select(users, open_ones.label("sessions")).order_by(users.c.name)
    return [_user(row) for row in connection.execute(query).mappings()]


def remove_user(connection: Connection, name: str) -> User:
    """Removes a user.

    Raises:
        UnknownUserError: there is none.
    """
    user = get_user(connection, name)
    sign_out(connection, user)
    connection.execute(delete(users).where(users.c.id == user.id))
    return user


def set_role(connection: Connection, name: str, role: Role) -> User:
    """Gives a user another role. If it is the same, nothing changes and sessions stay open.

    Raises:
        UnknownUserError: there is no such user.
    """
    user = get_user(connection, name)
    if user.role is not role:
        connection.execute(update(users).where(users.c.id == user.id).values(role=role))
        sign_out(connection, user)
    return get_user(connection, name)


def set_password(connection: Connection, name: str, password: str) -> User:
    """Gives a user another password.

    Raises:
        UnknownUserError: there is no such user.
        WeakPasswordError: the password is easy to guess.
    """
    user = get_user(connection, name)
    require_strong(password, user.name)
    connection.execute(update(users).where(users.c.id == user.id).values(password=hash_password(password)))
    sign_out(connection, user)
    return get_user(connection, name)


def sign_out(connection: Connection, user: User) -> int:
    """Ends all sessions of a user, and makes the user's links invalid. Returns how many sessions ended."""
    connection.execute(delete(sign_in_links).where(sign_in_links.c.user_id == user.id))
    return connection.execute(delete(user_sessions).where(user_sessions.c.user_id == user.id)).rowcount


def _user(row: RowMapping) -> User:
    return User(
        id=row["id"],
        name=row["name"],
        role=Role(row["role"]),
        created_at=row["created_at"],
        signed_in_at=row["signed_in_at"],
        has_password=row["password"] is not None,
        subject=row["subject"],
        sessions=row.get("sessions", 0),
    )


def user_document(user: User) -> dict[str, Any]:
    """A user as commands and pages show it."""
    signs_in_by = "OpenID" if user.subject else "password" if user.has_password else "link or proxy"
    return {
        "name": user.name,
        "role": user.role,
        "signs_in_by": signs_in_by,
        "sessions": user.sessions,
        "created_at": to_datetime(user.created_at).isoformat(),
        "signed_in_at": to_datetime(user.signed_in_at).isoformat() if user.signed_in_at else None,
    }
