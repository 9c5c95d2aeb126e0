"""The sign-in of Dagster's webserver: a session for browsers, a key with each request for programs."""

from __future__ import annotations

import html
import secrets
import time
from dataclasses import dataclass
from urllib.parse import parse_qs

from anyio.to_thread import run_sync
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from cli.webserver.keys import Keys
from cli.webserver.links import SIGN_IN
from cli.webserver.own_site import refuse

SESSION_SECONDS = 12 * 3600
MOST_FORM_BYTES = 8192
SIGN_OUT = "/sign-out"
PLAIN = "Sign in with a browser, or send a key as `Authorization: Bearer KEY`."
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Sign in</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:26rem;margin:15vh auto;padding:0 1rem}}
input,button{{font:inherit;width:100%;box-sizing:border-box;padding:.5rem;margin-top:.75rem}}</style>
<h1>Dagster of orders-pipeline</h1><p>{message}</p>
<form method="post" action="/sign-in"><input type="hidden" name="next" value="{next}">
<label>API key <input name="key" type="password" autocomplete="current-password" required autofocus></label>
<button>Sign in</button></form>
<p><code>orders up</code> prints a link that signs you in, <code>orders keys create</code> makes a key.</p>"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that has signed in: the key that it used, and when the session ends (`time.monotonic`)."""

    key: str
    ends: float


class SignIn:
    """Accepts requests with a key or a session's cookie. Sessions live in memory and end with the process.

    Args:
        cookie: name of the cookie. It needs the port in it: browsers send a cookie to all ports of a host.
    """

    def __init__(self, app: ASGIApp, keys: Keys, cookie: str) -> None:
        self._app, self._keys, self._cookie = app, keys, cookie
        self._sessions: dict[str, Session] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
        elif scope["type"] == "http" and scope["path"] in (SIGN_IN, SIGN_OUT):
            await (await self._door(Request(scope, receive)))(scope, receive, send)
        elif await self._may_pass(HTTPConnection(scope)):
            await self._app(scope, receive, send)
        elif scope["type"] == "http" and "text/html" in HTTPConnection(scope).headers.get("accept", ""):
            await _page(scope["path"])(scope, receive, send)
        else:
            await refuse(scope, receive, send, 401, PLAIN)

    async def _may_pass(self, asked: HTTPConnection) -> bool:
        scheme, _, shown = asked.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return await run_sync(self._keys.find, shown.strip()) is not None
        session = self._sessions.get(asked.cookies.get(self._cookie, ""))
        return session is not None and session.ends > time.monotonic() and await self._still_known(session)

    async def _still_known(self, session: Session) -> bool:
        return await run_sync(self._keys.knows, session.key)

    async def _door(self, request: Request) -> Response:
        if request.scope["path"] == SIGN_OUT:
            self._sessions.pop(request.cookies.get(self._cookie, ""), None)
            return _page("/", "You are signed out.", 200)
        once = request.query_params.get("once")
        if request.method != "POST" and not once:
            return _page("/", status=200)
        form = {"key": [once], "next": ["/"]} if once else await _form(request)
        shown, after = form.get("key", [""])[0].strip(), form.get("next", ["/"])[0]
        if (key := await run_sync(self._keys.find, shown)) is None:
            return _page(after, "This key or link is unknown or no longer valid.")
        return self._signed_in(key, after)

    def _signed_in(self, key: str, after: str) -> Response:
        now, session = time.monotonic(), secrets.token_urlsafe(32)
        self._sessions = {name: one for name, one in self._sessions.items() if one.ends > now}
        self._sessions[session] = Session(key, now + SESSION_SECONDS)
        answer = RedirectResponse(_own_path(after), 303, {"Cache-Control": "no-store"})
        answer.set_cookie(self._cookie, session, SESSION_SECONDS, httponly=True, samesite="strict")
        return answer


async def _form(request: Request) -> dict[str, list[str]]:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_FORM_BYTES:
            return {}
    return parse_qs(body.decode(errors="replace"))


def _own_path(path: str) -> str:
    """Returns where to go after the sign-in, which is never another site."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\", SIGN_IN)) else "/"


def _page(path: str, message: str = "This webserver requires a sign-in.", status: int = 401) -> Response:
    text = PAGE.format(message=html.escape(message), next=html.escape(_own_path(path)))
    return HTMLResponse(text, status, {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"})
