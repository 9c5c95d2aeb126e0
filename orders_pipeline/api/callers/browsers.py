"""Users who send requests with a browser: by the cookie of their session, or signed in at a trusted proxy."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from fastapi import Request
from sqlalchemy import Engine

from orders_pipeline.access.sessions import Lifetimes, Session, find_session, form_token, is_form_token
from orders_pipeline.access.users import find_user
from orders_pipeline.api.callers.cookies import SESSION, cookie
from orders_pipeline.api.callers.own_site import PROGRAMS
from orders_pipeline.api.callers.proxies import proxy_headers
from orders_pipeline.api.protocol.errors import Refused
from orders_pipeline.base.model import Role, SignInMethod
from orders_pipeline.base.settings import Settings, UnknownUsers
from orders_pipeline.store.engine import reading

FORM_HEADER, FORM_FIELD = "X-CSRF-Token", "csrf_token"
FORM = "application/x-www-form-urlencoded"
STALE = "This page is out of date, or another site sent the request. Reload the page, and try again."


@dataclass(frozen=True, slots=True)
class BrowserUser:
    """A user who sends a request with a browser.

    Args:
        session: None for a user of a proxy who has no session yet. Such a user can only read.
        token: of the session.
    """

    name: str
    role: Role
    session: Session | None = None
    token: str = field(default="", repr=False)

    @property
    def form_token(self) -> str:
        """The token that forms of the session carry."""
        return form_token(self.token)


def lifetimes(settings: Settings) -> Lifetimes:
    """When sessions end."""
    return Lifetimes(
        timedelta(minutes=settings.session_idle_minutes), timedelta(hours=settings.session_hours)
    )


def comes_from_user(request: Request) -> bool:
    """Whether a request has a session's cookie, or a user whom a proxy names. Neither is verified here."""
    return bool(cookie(request, SESSION) or proxy_headers(request).user)


def find_browser_user(request: Request, engine: Engine, settings: Settings) -> BrowserUser | None:
    """The user of a request; None if the session is unknown or has ended, or the user is not admitted."""
    named, token = proxy_headers(request).user, cookie(request, SESSION)
    with reading(engine) as connection:
        session = find_session(connection, token, lifetimes(settings)) if token else None
        if session and _agrees(session, named):
            return BrowserUser(session.user, session.role, session, token)
        found = find_user(connection, named) if named else None
    if found:
        return BrowserUser(found.name, found.role)
    is_let_in = named and settings.unknown_users is UnknownUsers.VIEWER
    return BrowserUser(named, Role.VIEWER) if named and is_let_in else None


def _agrees(session: Session, named: str | None) -> bool:
    """Whether a session is valid for the user whom the proxy names. Sessions by a proxy need this name."""
    if named is None:
        return session.method is not SignInMethod.PROXY
    return session.user == named.lower()


async def require_form_token(request: Request, user: BrowserUser) -> None:
    """Makes sure that a change comes from a page of the user's session.

    Raises:
        Refused: 403.
    """
    shown = request.headers.get(FORM_HEADER) or await _of_form(request)
    if not user.session or not is_form_token(user.token, shown):
        raise Refused(403, STALE)


async def _of_form(request: Request) -> str:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != FORM or request.url.path.startswith(PROGRAMS):
        return ""
    shown = (await request.form()).get(FORM_FIELD)
    return shown if isinstance(shown, str) else ""
