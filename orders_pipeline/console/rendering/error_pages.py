"""Error pages. A browser that requests a page gets the API's error messages as HTML instead of JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode, urlsplit

from fastapi import FastAPI, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from orders_pipeline.access.sign_in_links import SIGN_IN
from orders_pipeline.api.callers.own_site import PROGRAMS, is_change
from orders_pipeline.api.protocol.headers import HEADERS
from orders_pipeline.console.rendering.rendering import render
from orders_pipeline.console.texts import texts

FIELD = re.compile(r"\b(start_date|end_date)\b")
Handler = Callable[[Request, Any], Awaitable[Response]]


def show_errors_as_pages(app: FastAPI) -> None:
    """Makes all error handlers of the app respond to browsers with a page."""
    for kind, handler in list(app.exception_handlers.items()):
        app.exception_handlers[kind] = _as_page(handler)


def _as_page(handler: Any) -> Handler:
    async def answer(request: Request, error: Any) -> Response:
        response: Response = await handler(request, error)
        if request.url.path.startswith(PROGRAMS) or not isinstance(response, JSONResponse):
            return response
        if response.status_code == HTTPStatus.UNAUTHORIZED and (asked := ask_to_sign_in(request)):
            return asked
        return error_page(request, response)

    return answer


def ask_to_sign_in(request: Request) -> Response | None:
    """Redirects a browser to the sign-in and back. None for requests that open no page, such as a stream."""
    if request.headers.get("hx-request"):
        page = urlsplit(request.headers.get("hx-current-url", ""))
        return Response(status_code=401, headers={"HX-Redirect": _sign_in(page.path, page.query)})
    if "text/html" not in request.headers.get("accept", ""):
        return None
    # A form cannot be sent again after the sign-in, so the browser is sent back to the page with the form.
    page = urlsplit(request.headers.get("referer", "/") if is_change(request) else str(request.url))
    return RedirectResponse(_sign_in(page.path, page.query), 303, {"Cache-Control": "no-store"})


def _sign_in(path: str, query: str) -> str:
    after = f"{path}?{query}" if query else path
    return f"{SIGN_IN}?{urlencode({'next': after})}" if after != "/" else SIGN_IN


def _with_labels(message: str) -> str:
    """Names the fields in a message as the pages name them."""
    return FIELD.sub(lambda found: f"“{getattr(texts().errors.fields, found[0])}”", message)


def error_page(request: Request, error: JSONResponse) -> HTMLResponse:
    """Renders the page for an error response of the API. htmx shows the message above the open page."""
    status = error.status_code
    body = json.loads(bytes(error.body))
    message = _with_labels(" ".join(filter(None, (body["message"], body.get("hint")))))
    template = "error_notice.html" if request.headers.get("hx-request") else "error.html"
    title = getattr(texts().errors, f"title_{status}", texts().errors.title)
    page = render(request, template, status, title=title, error_status=status, message=message)
    for name in ("retry-after", "www-authenticate"):
        if name in error.headers:
            page.headers[name] = error.headers[name]
    # The response to an unexpected error bypasses the middleware that adds these headers.
    for name, value in HEADERS.items():
        page.headers.setdefault(name, value)
    return page
