"""The account of the signed-in user: password and sessions."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from orders_pipeline.access.audit import record_action
from orders_pipeline.access.passwords import WeakPasswordError
from orders_pipeline.access.sessions import (
    Session,
    end_other_sessions,
    end_session,
    list_sessions,
    open_session,
)
from orders_pipeline.access.signing_in import kept_of
from orders_pipeline.access.users import set_password
from orders_pipeline.api.bodies import KeyBeforeBody
from orders_pipeline.api.callers.access import Reader
from orders_pipeline.api.callers.browsers import lifetimes
from orders_pipeline.api.callers.sign_in import Opened, client_of, is_own_password, sign_browser_in
from orders_pipeline.api.context import ApiContext
from orders_pipeline.api.protocol.errors import Refused
from orders_pipeline.base.model import SignInMethod
from orders_pipeline.console.rendering.forms import Field, Password, gone_to
from orders_pipeline.console.rendering.rendering import Shown, View
from orders_pipeline.console.texts import texts
from orders_pipeline.store.engine import reading

router = APIRouter(prefix="/account", route_class=KeyBeforeBody)
PAGE = "/account"
# The first mark that is found is used: browsers also send the names of compatible browsers.
BROWSERS = (("Edg/", "Edge"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


@router.get("")
def account(view: Shown, _reader: Reader, done: str = "") -> Response:
    """Shows the page with password and sessions."""
    return _page(view, done)


@router.post("/password")
async def change_password(
    request: Request, view: Shown, _reader: Reader, new: Password, again: Password, current: Password = ""
) -> Response:
    """Changes the password, ends the user's other sessions, and starts a new session for this browser."""
    session = _session(view)
    wrong = texts().account
    if new != again:
        return _page(view, wrong=wrong.different)
    try:
        if not await _may_change(request, view.context, session, current):
            return _page(view, wrong=wrong.wrong_password)
        token = _changed(request, view.context, session, new)
    except Refused as refused:
        return _page(view, wrong=refused.message)
    except WeakPasswordError as error:
        return _page(view, wrong=str(error))
    response = gone_to(PAGE, done="password")
    sign_browser_in(request, view.context, response, Opened(token))
    return response


@router.post("/sessions/end")
def end_one(view: Shown, _reader: Reader, session: Field) -> Response:
    """Ends another session of the user."""
    own = _session(view)
    if session.isdecimal() and len(session) < 16:
        with view.context.engine.begin() as connection:
            end_session(connection, int(session), own.user_id)
    return gone_to(PAGE, done="session")


@router.post("/sessions/end-others")
def end_others(view: Shown, _reader: Reader) -> Response:
    """Ends all other sessions of the user."""
    own = _session(view)
    with view.context.engine.begin() as connection:
        ended = end_other_sessions(connection, own)
        record_action(connection, f"user:{own.user}", "users.sign_out", own.user, sessions=ended)
    return gone_to(PAGE, done="sessions")


def _session(view: View) -> Session:
    """The session of the request.

    Raises:
        Refused: 403, the request is from a program, which has no session.
    """
    if view.caller is None or view.caller.user is None or view.caller.user.session is None:
        raise Refused(403, texts().account.only_users)
    return view.caller.user.session


async def _may_change(request: Request, context: ApiContext, session: Session, current: str) -> bool:
    kept = kept_of(context.engine, session.user)
    if kept and kept.user.has_password:
        limits = request.app.state.sign_in_limits
        return await is_own_password(request, limits, kept, current)
    return session.method is SignInMethod.LINK


def _changed(request: Request, context: ApiContext, session: Session, new: str) -> str:
    with context.engine.begin() as connection:
        user = set_password(connection, session.user, new)
        record_action(connection, f"user:{user.name}", "users.password", user.name)
        return open_session(connection, user, session.method, client_of(request), lifetimes(context.settings))


def browser_name(agent: str) -> str:
    """Returns a short name for the User-Agent of a browser: `Firefox, Linux`. Empty if it is not known."""
    browser = next((name for mark, name in BROWSERS if mark in agent), "")
    system = next((name for mark, name in SYSTEMS if mark in agent), "")
    return ", ".join(name for name in (browser, system) if name)


def _page(view: View, done: str = "", wrong: str = "") -> Response:
    own = _session(view)
    with reading(view.context.engine) as connection:
        sessions = list_sessions(connection, own.user_id, lifetimes(view.context.settings))
    kept = kept_of(view.context.engine, own.user)
    return view.page(
        "account.html",
        "",
        422 if wrong else 200,
        own=own,
        sessions=[(one, browser_name(one.browser)) for one in sessions],
        has_password=bool(kept and kept.user.has_password),
        may_set_password=own.method is SignInMethod.LINK,
        done=getattr(texts().account.done, done, "") if done else "",
        wrong=wrong,
    )
