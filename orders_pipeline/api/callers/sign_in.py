"""Signing in with a browser: verifies the user, opens a session, and gives the browser its cookies."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from anyio.to_thread import run_sync
from fastapi import Request
from sqlalchemy import Connection
from starlette.responses import Response

from orders_pipeline.access.audit import record_action
from orders_pipeline.access.passwords import is_password
from orders_pipeline.access.sessions import (
    Client,
    end_session,
    find_session,
    is_form_token,
    open_session,
)
from orders_pipeline.access.sign_in_links import SIGN_IN, use_link
from orders_pipeline.access.signing_in import Kept, Vouched, kept_of, sign_in_by_password, vouched_user
from orders_pipeline.access.users import User
from orders_pipeline.api.callers.access import Caller
from orders_pipeline.api.callers.browsers import STALE, lifetimes
from orders_pipeline.api.callers.cookies import DEVICE, FORM, SESSION, cookie, delete_cookie, set_cookie
from orders_pipeline.api.callers.own_site import is_from_own_site
from orders_pipeline.api.callers.rate_limit import address_of
from orders_pipeline.api.callers.sign_in_limits import SignInLimits
from orders_pipeline.api.context import ApiContext
from orders_pipeline.api.protocol.errors import Refused
from orders_pipeline.base.model import Role, SignInMethod
from orders_pipeline.base.settings import UnknownUsers

# Browsers keep no cookie for longer.
MARKED_SECONDS = int(timedelta(days=400).total_seconds())
Open = Callable[[Connection], str | None]


@dataclass(frozen=True, slots=True)
class Opened:
    """A session that was opened. `mark` is the mark of the browser, if the user signed in by a password."""

    token: str = field(repr=False)
    mark: str = field(default="", repr=False)


async def open_by_password(
    request: Request, context: ApiContext, limits: SignInLimits, name: str, password: str
) -> Opened | None:
    """Opens a session for a name and a password; None if either is wrong.

    Unknown names are treated like wrong passwords.

    Raises:
        Refused: 429 or 503, the client has to wait.
    """
    address, kept = address_of(request), await run_sync(kept_of, context.engine, name)
    mark = cookie(request, DEVICE)
    mark = mark if kept and kept.is_marked(mark) else ""
    await run_sync(limits.count, address, name, mark)
    slots, hashed = limits.slots(bool(mark)), kept.password if kept else None
    if not await run_sync(is_password, hashed, password, limiter=slots) or kept is None:
        await run_sync(limits.note_wrong, address, mark)
        return None
    token = await run_sync(_open, request, context, _by_password(request, context, kept, password))
    await run_sync(limits.forget, address, name, mark)
    return Opened(token, kept.device_mark()) if token else None


async def is_own_password(request: Request, limits: SignInLimits, kept: Kept, password: str) -> bool:
    """Whether a user who has signed in knows the password. Guesses count as at the sign-in.

    Raises:
        Refused: 429 or 503, the client has to wait.
    """
    address, name = address_of(request), kept.user.name
    await run_sync(limits.count, address, name, "")
    is_right = await run_sync(is_password, kept.password, password, limiter=limits.slots(is_marked=True))
    if is_right:
        await run_sync(limits.forget, address, name, "")
    else:
        await run_sync(limits.note_wrong, address, "")
    return is_right


async def open_by_link(request: Request, context: ApiContext, token: str) -> Opened | None:
    """Opens a session for a link that signs in once; None if it is unknown, used or expired."""

    def by_link(connection: Connection) -> str | None:
        user = use_link(connection, token)
        return _of(request, context, connection, user, SignInMethod.LINK) if user else None

    opened = await run_sync(_open, request, context, by_link)
    return Opened(opened) if opened else None


async def open_vouched(request: Request, context: ApiContext, vouched: Vouched) -> Opened:
    """Opens a session for a user for whom a proxy or an OpenID provider vouches.

    Raises:
        RefusedUserError: this user is not admitted.
    """
    lets_in = context.settings.unknown_users is UnknownUsers.VIEWER

    def by_vouching(connection: Connection) -> str | None:
        user = vouched_user(connection, vouched, Role.VIEWER if lets_in else None)
        return _of(request, context, connection, user, vouched.by)

    opened = await run_sync(_open, request, context, by_vouching)
    return Opened(opened or "")


def sign_browser_in(request: Request, context: ApiContext, response: Response, opened: Opened) -> None:
    """Gives the browser the cookies of a session."""
    seconds = int(lifetimes(context.settings).whole.total_seconds())
    set_cookie(request, response, SESSION, opened.token, seconds)
    delete_cookie(request, response, FORM)
    if opened.mark:
        set_cookie(request, response, DEVICE, opened.mark, MARKED_SECONDS)


def sign_browser_out(request: Request, response: Response) -> None:
    """Makes the browser forget its session. The mark of the browser stays."""
    delete_cookie(request, response, SESSION)


def form_secret(request: Request) -> str:
    """Returns the secret from which the token of the sign-in form is derived.

    A browser keeps it in a cookie.
    """
    return cookie(request, FORM) or secrets.token_urlsafe(32)


def keep_form_secret(request: Request, response: Response, secret: str) -> None:
    """Stores the secret of the sign-in form in the browser."""
    set_cookie(request, response, FORM, secret)


def require_sign_in_form(request: Request, caller: Caller | None, shown: str) -> None:
    """Makes sure that a browser sends the form that it was given. Forms of a session were checked before.

    Raises:
        Refused: 403.
    """
    if caller and caller.user:
        return
    secret = cookie(request, FORM)
    if not secret or not is_form_token(secret, shown) or not is_from_own_site(request):
        raise Refused(403, STALE)


def own_path(path: str) -> str:
    """Returns the path to open after the sign-in: never another site and never the sign-in itself."""
    is_own = path.startswith("/") and not path.startswith(("//", SIGN_IN)) and path.isprintable()
    return path if is_own and "\\" not in path else "/"


def _by_password(request: Request, context: ApiContext, kept: Kept, password: str) -> Open:
    def by_password(connection: Connection) -> str | None:
        times = lifetimes(context.settings)
        token = sign_in_by_password(connection, kept, password, client_of(request), times)
        if token:
            _record(connection, kept.user, SignInMethod.PASSWORD)
        return token

    return by_password


def _of(
    request: Request, context: ApiContext, connection: Connection, user: User, method: SignInMethod
) -> str:
    token = open_session(connection, user, method, client_of(request), lifetimes(context.settings))
    _record(connection, user, method)
    return token


def _open(request: Request, context: ApiContext, open_one: Open) -> str | None:
    """Starts a session and ends the one that the browser has, which may be another user's."""
    with context.engine.begin() as connection:
        token = open_one(connection)
        before = find_session(connection, cookie(request, SESSION), lifetimes(context.settings))
        if token and before:
            end_session(connection, before.id, before.user_id)
    return token


def _record(connection: Connection, user: User, method: SignInMethod) -> None:
    record_action(connection, f"user:{user.name}", "users.sign_in", user.name, method=method)


def client_of(request: Request) -> Client:
    """Address and browser of a request."""
    browser = request.headers.get("user-agent", "")
    return Client(address_of(request), "".join(one for one in browser if one.isprintable()))
