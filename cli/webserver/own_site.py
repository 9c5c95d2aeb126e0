"""Rules for requests to Dagster's webserver, so that pages of other sites cannot use it through a browser.

Dagster executes mutations that are sent with GET or as `text/plain`, and accepts all reports posted to
`/report_asset_...`. Any page that is open in a browser of this machine could send such requests.
"""

from __future__ import annotations

from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from cli.webserver.links import SIGN_IN
from orders_pipeline.base.host_names import is_known_host, unknown_host

GRAPHQL = "/graphql"
# The paths that accept POST, with the content type; all other requests only read.
POSTED = {GRAPHQL: "application/json", SIGN_IN: "application/x-www-form-urlencoded"}
READ = ("GET", "HEAD")
Refusal = tuple[int, str]


class OwnSiteOnly:
    """Accepts requests of the webserver's own pages and of programs, and refuses the others.

    Args:
        hosts: host names that are accepted, in addition to `localhost` and IP addresses.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str] = ()) -> None:
        self._app, self._hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        if refused := self._refusal(scope):
            await refuse(scope, receive, send, *refused)
            return
        await self._app(scope, receive, _unframed(send))

    def _refusal(self, scope: Scope) -> Refusal | None:
        headers = Headers(scope=scope)
        if not is_known_host(host := headers.get("host", ""), self._hosts):
            return 421, unknown_host(host)
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2].lower() != host.lower():
            return 403, "A page of another site cannot request this."
        return _wrong_form(scope["type"], scope["path"], scope.get("method", ""), headers)


def _wrong_form(kind: str, path: str, method: str, headers: Headers) -> Refusal | None:
    # For a WebSocket, browsers always send the origin.
    if kind == "websocket" or (method in READ and path != GRAPHQL):
        return None
    if headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return 403, "A page of another site cannot request this."
    if method != "POST" or path not in POSTED:
        return 405, f"Only a POST of {GRAPHQL} can change something here; everything else is read with GET."
    if headers.get("content-type", "").partition(";")[0].strip().lower() != POSTED[path]:
        return 415, f"This takes {POSTED[path]} only."
    return None


async def refuse(scope: Scope, receive: Receive, send: Send, status: int, why: str) -> None:
    """Responds with an error. A WebSocket is closed before it is accepted, which clients see as 403."""
    if scope["type"] == "websocket":
        await WebSocketClose(reason=why)(scope, receive, send)
    else:
        await PlainTextResponse(f"{why}\n", status)(scope, receive, send)


def _unframed(send: Send) -> Send:
    """Adds the header that forbids frames, in which another site could trick users into clicks."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message)["X-Frame-Options"] = "DENY"
        await send(message)

    return sent
