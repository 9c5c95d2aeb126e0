"""Signing in: a password, or a name that a proxy or an OpenID provider vouches for, becomes a session.

After a password was right, the browser gets a second cookie, its device mark. Wrong passwords from a marked
browser are counted by themselves, so nobody can lock a user out of browsers that the user has signed in with.
The mark is derived from the stored password, so it needs no storage and ends with the password.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import Connection, Engine, select, update

from orders_pipeline.access.audit import record_action
from orders_pipeline.access.passwords import hash_password, is_outdated
from orders_pipeline.access.sessions import Client, Lifetimes, open_session
from orders_pipeline.access.users import BadNameError, User, add_user, find_user, set_role
from orders_pipeline.base.model import Role, SignInMethod
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import users


@dataclass(frozen=True, slots=True)
class Kept:
    """The stored data of a user for a sign-in by password."""

    user: User
    password: str | None

    def device_mark(self) -> str:
        """A new mark for a browser in which this user has signed in."""
        nonce = secrets.token_urlsafe(16)
        return f"{nonce}.{self._signed(nonce)}"

    def is_marked(self, mark: str) -> bool:
        """Whether a browser has a mark of this user."""
        nonce, _, signature = mark.partition(".")
        return self.password is not None and secrets.compare_digest(
            signature.encode(), self._signed(nonce).encode()
        )

    def _signed(self, nonce: str) -> str:
        key = sha256(f"device {self.password}".encode()).digest()
        return hmac.new(key, nonce.encode(), sha256).hexdigest()


def kept_of(engine: Engine, name: str) -> Kept | None:
    """Returns the stored data of a user; None if there is no such user."""
    with reading(engine) as connection:
        if (user := find_user(connection, name)) is None:
            return None
        return Kept(user, connection.scalar(select(users.c.password).where(users.c.id == user.id)))


def sign_in_by_password(
    connection: Connection, kept: Kept, password: str, client: Client, lifetimes: Lifetimes
) -> str | None:
    """Starts a session after the password was verified; None if the password was changed in the meantime."""
    row = select(users.c.password).where(users.c.id == kept.user.id).with_for_update()
    if kept.password is None or connection.scalar(row) != kept.password:
        return None
    if is_outdated(kept.password):
        values = {"password": hash_password(password)}
        connection.execute(update(users).where(users.c.id == kept.user.id).values(values))
    return open_session(connection, kept.user, SignInMethod.PASSWORD, client, lifetimes)


@dataclass(frozen=True, slots=True)
class Vouched:
    """A user for whom a proxy or an OpenID provider vouches.

    Args:
        subject: issuer and `sub`, if a provider vouches. A name can be given to another person, these cannot.
        role: that the provider says.
        says_roles: whether the provider decides about roles. Otherwise, the store does.
    """

    name: str
    by: SignInMethod
    subject: str | None = None
    role: Role | None = None
    says_roles: bool = False


class RefusedUserError(Exception):
    """A user for whom another server vouches, and who is not admitted. The message says why."""


def vouched_user(connection: Connection, vouched: Vouched, unknown: Role | None) -> User:
    """The user for whom another server vouches, with the role that the server says; added if need be.

    Args:
        unknown: role of users for whom neither the server nor the store has one. None: they are refused.

    Raises:
        RefusedUserError: this user is not admitted.
    """
    found = _find(connection, vouched)
    of_store = found.role if found and not vouched.says_roles else None
    if (role := vouched.role or of_store or unknown) is None:
        raise RefusedUserError(f"{vouched.name!r} has no role here. An administrator can give you one.")
    if found is None:
        return _added(connection, vouched, role)
    if role is not found.role:
        record_action(connection, vouched.by, "users.role", found.name, role=role)
    return set_role(connection, found.name, role)


def _find(connection: Connection, vouched: Vouched) -> User | None:
    if vouched.subject is None:
        return find_user(connection, vouched.name)
    known = select(users.c.name).where(users.c.subject == vouched.subject)
    if name := connection.scalar(known):
        return find_user(connection, name)
    if (found := find_user(connection, vouched.name)) is None:
        return None
    # Whoever can choose a name at the provider must not become the user of that name here.
    if found.has_password or found.subject is not None:
        raise RefusedUserError(f"The name {found.name!r} belongs to another user here.")
    connection.execute(update(users).where(users.c.id == found.id).values(subject=vouched.subject))
    return found


def _added(connection: Connection, vouched: Vouched, role: Role) -> User:
    try:
        user = add_user(connection, vouched.name, role, subject=vouched.subject)
    except BadNameError as error:
        raise RefusedUserError(f"{vouched.name!r} cannot be the name of a user. {error}") from None
    record_action(connection, vouched.by, "users.add", user.name, role=role)
    return user
