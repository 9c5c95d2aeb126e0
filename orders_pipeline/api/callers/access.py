"""Authentication and authorization: who sends a request, and what is allowed.

Programs send a key: one of the store, or the home's own, which has every scope. Users have a session, and the
scope of their role.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import BackgroundTasks, Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastapi.security.utils import get_authorization_scheme_param
from sqlalchemy import Engine

from orders_pipeline.access import sessions
from orders_pipeline.access.api_keys import find_key, is_use_noted, note_use
from orders_pipeline.api.callers.browsers import (
    BrowserUser,
    comes_from_user,
    find_browser_user,
    require_form_token,
)
from orders_pipeline.api.callers.own_site import is_change, is_from_own_site
from orders_pipeline.api.callers.proxies import is_from_this_machine
from orders_pipeline.api.callers.rate_limit import RateLimit, address_of
from orders_pipeline.api.context import ApiContext, Context
from orders_pipeline.api.models.responses import Failure, Responses
from orders_pipeline.api.protocol.errors import Refused
from orders_pipeline.base.files.home import make_home
from orders_pipeline.base.files.secret_files import is_same_secret, kept_secret
from orders_pipeline.base.model import Scope
from orders_pipeline.base.settings import ApiReads, Settings
from orders_pipeline.store.engine import reading
from orders_pipeline.store.revisions import require_current, revision_of

HOME_KEY = "home"
# A stream stays open for this long after its session or key has ended.
LOOK_AGAIN_SECONDS = 10.0
HEALTH = "/api/health"
WATCHED = (HEALTH, "/metrics")
NO_KEY = "This request needs a key or a sign-in. Send a key as `Authorization: Bearer KEY`."
REFUSALS: Responses = {
    401: {
        "model": Failure,
        "description": "The key is missing, unknown or expired, and there is no session.",
    },
    403: {"model": Failure, "description": "The key or user lacks the scope that this request needs."},
}
bearer = HTTPBearer(
    auto_error=False,
    description="A key from `orders keys create`, or the key of this home (see ORDERS_API_KEY).",
)
Shown = Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]


@dataclass(frozen=True, slots=True)
class Caller:
    """The holder of a valid key, or a user.

    Args:
        user: None for the holder of a key.
    """

    name: str
    scopes: frozenset[Scope]
    user: BrowserUser | None = None

    @classmethod
    def of(cls, name: str, scope: Scope) -> Caller:
        """The caller with this key."""
        return cls(name, scope.with_lower())

    @classmethod
    def of_user(cls, user: BrowserUser) -> Caller:
        """The caller who has signed in."""
        return cls(user.name, user.role.scope.with_lower(), user)

    @property
    def actor(self) -> str:
        """The name of the caller in the audit log."""
        return f"user:{self.name}" if self.user else f"key:{self.name}"


def api_key(configured: str, home: Path) -> str:
    """The configured key, else this home's random key in `run/api.key`."""
    if configured:
        return configured
    make_home(home)
    return kept_secret(home / "run" / "api.key", lambda: secrets.token_urlsafe(32))


async def identify(request: Request, context: Context, later: BackgroundTasks) -> Caller | None:
    """The caller by the key or the session of the request; None without one that is accepted.

    Raises:
        Refused: 429, this address sent too many wrong keys; 403, a change by a session lacks its token.
    """
    found = await _found(request, context)
    if found and found.is_use_unnoted:
        # After the response, because on SQLite it may wait for an import's transaction.
        later.add_task(_note_use, context.engine, found.caller)
    return found.caller if found else None


def caller_of(request: Request) -> Caller | None:
    """The caller, if a dependency has identified it before."""
    found: _Found | None = getattr(request.state, "found", None)
    return found.caller if found else None


Known = Annotated[Caller | None, Depends(identify)]


@dataclass(frozen=True, slots=True)
class _Found:
    """Who sends a request."""

    caller: Caller
    is_use_unnoted: bool = False


async def _found(request: Request, context: ApiContext) -> _Found | None:
    """Looks the caller up, once for each request.

    It reads the header itself, because the OpenAPI page marks all users of `bearer` as requiring a key.
    """
    if not hasattr(request.state, "found"):
        scheme, key = get_authorization_scheme_param(request.headers.get("Authorization"))
        if scheme.lower() == "bearer":
            request.state.found = await _with_key(request, context, key)
        else:
            request.state.found = await _with_browser(request, context)
    found: _Found | None = request.state.found
    return found


async def _with_key(request: Request, context: ApiContext, key: str) -> _Found | None:
    if not key.strip():
        return None
    return await run_sync(_look_up, request, context, key, limiter=_threads(request, context))


async def _with_browser(request: Request, context: ApiContext) -> _Found | None:
    """The user of a browser. Another site can make a browser send its cookies, so the origin is checked."""
    if not comes_from_user(request) or not is_from_own_site(request):
        return None
    engine, threads = _store(request, context), _threads(request, context)
    user = await run_sync(find_browser_user, request, engine, context.settings, limiter=threads)
    if user is None:
        return None
    if is_change(request):
        await require_form_token(request, user)
    return _Found(Caller.of_user(user), user.session is not None and not user.session.is_use_noted)


def _look_up(request: Request, context: ApiContext, shown: str) -> _Found | None:
    limit: RateLimit = request.app.state.rate_limit
    digest = sha256(shown.encode()).digest()
    # A key that was accepted before does not wait because others at its address guess keys.
    if digest not in context.proven_keys:
        limit.refuse_guessing(address_of(request))
    found = _holder(request, context, shown)
    if found is None:
        context.proven_keys.discard(digest)
        limit.count_wrong_key(address_of(request))
        return None
    context.proven_keys.add(digest)
    return found


def _holder(request: Request, context: ApiContext, shown: str) -> _Found | None:
    if is_same_secret(shown, context.key):
        return _Found(Caller.of(HOME_KEY, Scope.ADMIN))
    with reading(_store(request, context)) as connection:
        key = find_key(connection, shown)
    return _Found(Caller.of(key.name, key.scope), not is_use_noted(key)) if key else None


async def refuse_strangers(request: Request) -> None:
    """Refuses a request without a valid key or session before its body is read.

    Raises:
        Refused: 401, 403 or 429.
    """
    context: ApiContext = request.app.state.context
    if await _found(request, context) is None:
        await count_request(request, context, None)
        raise _unknown(await bearer(request))


def _watches(request: Request) -> bool:
    return request.url.path.startswith(WATCHED)


def _store(request: Request, context: ApiContext) -> Engine:
    # A health request must not hang when the store hangs.
    return context.watched_store if _watches(request) else context.engine


def _threads(request: Request, context: ApiContext) -> CapacityLimiter | None:
    return context.watchers if _watches(request) else None


def _note_use(engine: Engine, caller: Caller) -> None:
    with engine.begin() as connection:
        if caller.user and caller.user.session:
            sessions.note_use(connection, caller.user.session.id)
        else:
            note_use(connection, caller.name)


async def count_request(request: Request, context: Context, caller: Known) -> None:
    """Counts a request against the limit of its key, or of its address if it has no key.

    Raises:
        Refused: 429.
    """
    limit: RateLimit = request.app.state.rate_limit
    client = caller.actor if caller else address_of(request)
    await run_sync(limit.count, client, limiter=_threads(request, context))


def _unknown(shown: object) -> Refused:
    message = "This key is unknown or has expired." if shown else NO_KEY
    return Refused(401, message, {"WWW-Authenticate": "Bearer"})


def require(scope: Scope) -> Callable[..., Caller]:
    """A dependency that admits only callers with a scope, and returns the caller.

    Raises:
        Refused: 401 without a valid key, 403 without the scope.
    """

    def permitted(caller: Known, shown: Shown) -> Caller:
        if caller is None:
            raise _unknown(shown)
        if scope not in caller.scopes:
            raise Refused(403, _lacks(caller, scope))
        return caller

    return permitted


def _lacks(caller: Caller, scope: Scope) -> str:
    if caller.user:
        return f"The user {caller.name!r} is {caller.user.role}, and this request needs the scope {scope}."
    return f"The key {caller.name!r} lacks the scope {scope}, which this request needs."


def _may_change(caller: Annotated[Caller, Depends(require(Scope.OPERATE))], context: Context) -> Caller:
    """Admits a change to the order store, unless the store was upgraded since this process started.

    Raises:
        StoreRefused: the store was upgraded.
    """
    require_current(revision_of(context.engine))
    return caller


def _may_administer(caller: Annotated[Caller, Depends(require(Scope.ADMIN))], context: Context) -> Caller:
    """The same for what only administrators may change or see."""
    return _may_change(caller, context)


Admin = Annotated[Caller, Depends(_may_administer)]
Operator = Annotated[Caller, Depends(_may_change)]
Reader = Annotated[Caller, Depends(require(Scope.READ))]


async def require_to_read(request: Request, context: Context, caller: Known) -> None:
    """Admits only callers with a key or a session, except where reads are open, and for health requests.

    Raises:
        Refused: 401.
    """
    if request.url.path.startswith(HEALTH) or are_reads_open(request, context.settings):
        return
    if caller is None:
        raise _unknown(request.headers.get("Authorization"))


async def goes_on(request: Request) -> bool:
    """Whether the reader of a stream is still connected, and its session or key still valid."""
    if await request.is_disconnected():
        return False
    context: ApiContext = request.app.state.context
    looked_at, now = getattr(request.state, "looked_at", 0.0), time.monotonic()
    if now - looked_at < LOOK_AGAIN_SECONDS or are_reads_open(request, context.settings):
        return True
    request.state.looked_at = now
    del request.state.found
    return await _found(request, context) is not None


def are_reads_open(request: Request, settings: Settings) -> bool:
    """Whether a request may read without a key and without a session."""
    if settings.api_reads is ApiReads.LOCAL:
        reached_from_elsewhere = settings.proxy_addresses or settings.host_names
        return not reached_from_elsewhere and is_from_this_machine(request)
    return settings.api_reads is ApiReads.OPEN
