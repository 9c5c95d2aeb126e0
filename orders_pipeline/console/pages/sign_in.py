"""Signing in and out: by password, by a link, at an OpenID provider, or by the login of a proxy."""

from __future__ import annotations

from typing import Annotated

from anyio.to_thread import run_sync
from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from orders_pipeline.access.sessions import end_session, form_token
from orders_pipeline.access.sign_in_links import SIGN_IN
from orders_pipeline.access.signing_in import RefusedUserError, Vouched
from orders_pipeline.api.callers.access import Caller, Known
from orders_pipeline.api.callers.proxies import proxy_headers
from orders_pipeline.api.callers.sign_in import (
    Opened,
    form_secret,
    keep_form_secret,
    open_by_link,
    open_by_password,
    open_vouched,
    own_path,
    require_sign_in_form,
    sign_browser_in,
    sign_browser_out,
)
from orders_pipeline.api.context import ApiContext, Context
from orders_pipeline.api.protocol.errors import Refused
from orders_pipeline.base.model import SignInMethod
from orders_pipeline.console.rendering.csrf import csrf_token
from orders_pipeline.console.rendering.forms import Field, Password, gone_to
from orders_pipeline.console.rendering.rendering import render
from orders_pipeline.console.texts import texts

router = APIRouter()
PROVIDER, BACK = f"{SIGN_IN}/provider", f"{SIGN_IN}/provider/back"
After = Annotated[str, Query(alias="next", max_length=2000)]
AfterField = Annotated[str, Form(alias="next", max_length=2000)]


@router.get(SIGN_IN)
async def sign_in_page(request: Request, context: Context, caller: Known, after: After = "/") -> Response:
    """Shows the sign-in page. A user who has logged in at a trusted proxy is signed in at once."""
    if (user := proxy_headers(request).user) and not _has_session(caller):
        return await _let_in(request, context, Vouched(user, SignInMethod.PROXY), after)
    return _form(request, caller, after)


@router.post(SIGN_IN)
async def sign_in(
    request: Request,
    context: Context,
    caller: Known,
    name: Field,
    password: Password,
    csrf: Annotated[str, Form(alias="csrf_token", max_length=200)] = "",
    after: AfterField = "/",
) -> Response:
    """Signs a user in by name and password."""
    require_sign_in_form(request, caller, csrf)
    limits = request.app.state.sign_in_limits
    try:
        opened = await open_by_password(request, context, limits, name, password)
    except Refused as refused:
        return _refused(request, caller, after, refused, name)
    if opened is None:
        return _form(request, caller, after, texts().sign_in.wrong, 401, name)
    return _signed_in(request, context, opened, after)


@router.post(f"{SIGN_IN}/link")
async def sign_in_by_link(
    request: Request,
    context: Context,
    caller: Known,
    once: Field,
    csrf: Annotated[str, Form(alias="csrf_token", max_length=200)] = "",
    after: AfterField = "/",
) -> Response:
    """Signs a user in by a link that works once."""
    require_sign_in_form(request, caller, csrf)
    opened = await open_by_link(request, context, once)
    if opened is None:
        return _form(request, caller, after, texts().sign_in.used_link, 401)
    return _signed_in(request, context, opened, after)


@router.get(PROVIDER)
async def start_at_provider(request: Request, caller: Known, after: After = "/") -> Response:
    """Sends the browser to the OpenID provider."""
    if (provider := request.app.state.provider) is None:
        raise Refused(404, "Not Found")
    from orders_pipeline.api.callers.single_sign_on import ProviderError  # noqa: PLC0415 loaded with the provider

    host = proxy_headers(request).host or request.url.netloc
    try:
        started: Response = await provider.start(
            request, f"{request.url.scheme}://{host}{BACK}", own_path(after)
        )
    except ProviderError as error:
        return _form(request, caller, after, str(error), 503)
    return started


@router.get(BACK)
async def back_from_provider(request: Request, context: Context, caller: Known) -> Response:
    """Signs a user in after the redirect from the OpenID provider."""
    if (provider := request.app.state.provider) is None:
        raise Refused(404, "Not Found")
    from orders_pipeline.api.callers.single_sign_on import ProviderError  # noqa: PLC0415 loaded with the provider

    try:
        vouched, after = await provider.finish(request)
    except ProviderError as error:
        response = _form(request, caller, "/", str(error), 403)
    else:
        response = await _let_in(request, context, vouched, after)
    provider.forget(request, response)
    return response


@router.post("/sign-out")
async def sign_out(request: Request, context: Context, caller: Known) -> Response:
    """Ends the session of this browser."""
    if caller and caller.user and caller.user.session:
        await run_sync(_end, context, caller.user.session.id, caller.user.session.user_id)
    response = gone_to(SIGN_IN)
    sign_browser_out(request, response)
    return response


def _end(context: ApiContext, session_id: int, user_id: int) -> None:
    with context.engine.begin() as connection:
        end_session(connection, session_id, user_id)


async def _let_in(request: Request, context: ApiContext, vouched: Vouched, after: str) -> Response:
    try:
        opened = await open_vouched(request, context, vouched)
    except RefusedUserError as refused:
        return _form(request, None, after, str(refused), 403)
    return _signed_in(request, context, opened, after)


def _signed_in(request: Request, context: ApiContext, opened: Opened, after: str) -> Response:
    response = gone_to(own_path(after))
    sign_browser_in(request, context, response, opened)
    return response


def _refused(request: Request, caller: Caller | None, after: str, refused: Refused, name: str) -> Response:
    headers = refused.headers or {}
    message = texts().sign_in.wait.format(message=refused.message, seconds=headers.get("Retry-After", "60"))
    response = _form(request, caller, after, message, refused.status, name)
    response.headers.update(headers)
    return response


def _form(
    request: Request, caller: Caller | None, after: str, wrong: str = "", status: int = 200, name: str = ""
) -> Response:
    token = csrf_token(request)
    secret = "" if token else form_secret(request)
    response = render(
        request,
        "sign_in.html",
        status,
        after=own_path(after),
        wrong=wrong,
        name=name,
        signed_in=caller.name if caller and _has_session(caller) else "",
        has_provider=request.app.state.provider is not None,
        csrf_token=token or form_token(secret),
    )
    if secret:
        keep_form_secret(request, response, secret)
    response.headers["Cache-Control"] = "no-store"
    return response


def _has_session(caller: Caller | None) -> bool:
    return bool(caller and caller.user and caller.user.session)
