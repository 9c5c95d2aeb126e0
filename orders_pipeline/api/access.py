"""Authentication and authorization: the API keys of the store, and the home's own key with every scope."""

from __future__ import annotations

import secrets
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

from orders_pipeline.access.api_keys import find_key, is_use_noted, note_use
from orders_pipeline.api.context import ApiContext, Context
from orders_pipeline.api.errors import Refused
from orders_pipeline.api.models import Failure, Responses
from orders_pipeline.api.rate_limit import RateLimit, address_of
from orders_pipeline.base.home import make_home
from orders_pipeline.base.model import Scope
from orders_pipeline.base.secret_files import is_same_secret, kept_secret
from orders_pipeline.store.engine import reading
from orders_pipeline.store.revisions import require_current, revision_of

HOME_KEY = "home"
HEALTH = "/api/health"
WATCHED = (HEALTH, "/metrics")
NO_KEY = "This request needs a key. Send it as `Authorization: Bearer KEY`."
REFUSALS: Responses = {
    401: {"model": Failure, "description": "The key is missing, unknown or expired."},
    403: {"model": Failure, "description": "The key lacks the scope that this request needs."},
}
bearer = HTTPBearer(
    auto_error=False,
    description="A key from `orders keys create`, or the key of this home (see ORDERS_API_KEY).",
)
Shown = Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]


@dataclass(frozen=True, slots=True)
class Caller:
    """The holder of a valid key."""

    name: str
    scopes: frozenset[Scope]

    @classmethod
    def of(cls, name: str, scope: Scope) -> Caller:
        """The caller with this key. The scope to operate includes the scope to read."""
        return cls(name, frozenset(Scope) if scope is Scope.OPERATE else frozenset({scope}))

    @property
    def actor(self) -> str:
        """The name of the caller in the audit log."""
        return f"key:{self.name}"


def api_key(configured: str, home: Path) -> str:
    """The configured key, else this home's random key in `run/api.key`."""
    if configured:
        return configured
    make_home(home)
    return kept_secret(home / "run" / "api.key", lambda: secrets.token_urlsafe(32))


async def identify(request: Request, context: Context, later: BackgroundTasks) -> Caller | None:
    """The caller by the key in the request; None if the key is missing or not accepted.

    Raises:
        Refused: 429, this address sent too many wrong keys.
    """
    found = await _found(request, context)
    if found and found.is_use_unnoted:
        # After the response, because on SQLite it may wait for an import's transaction.
        later.add_task(_note_use, context.engine, found.caller.name)
    return found.caller if found else None


Known = Annotated[Caller | None, Depends(identify)]


@dataclass(frozen=True, slots=True)
class _Found:
    """What the key of a request says."""

    caller: Caller
    is_use_unnoted: bool = False


async def _found(request: Request, context: ApiContext) -> _Found | None:
    """Looks the key up, once for each request.

    It reads the header itself, because the OpenAPI page marks all users of `bearer` as requiring a key.
    """
    if not hasattr(request.state, "found"):
        scheme, key = get_authorization_scheme_param(request.headers.get("Authorization"))
        is_key = scheme.lower() == "bearer" and key.strip()
        threads = _threads(request, context)
        request.state.found = (
            await run_sync(_look_up, request, context, key, limiter=threads) if is_key else None
        )
    found: _Found | None = request.state.found
    return found


def _look_up(request: Request, context: ApiContext, shown: str) -> _Found | None:
    limit: RateLimit = request.app.state.rate_limit
    digest = sha256(shown.encode()).digest()
    # Who has shown a right key already does not have to wait because of others who guess.
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
        return _Found(Caller.of(HOME_KEY, Scope.OPERATE))
    # A health request must not hang when the store hangs.
    with reading(context.watched_store if _watches(request) else context.engine) as connection:
        key = find_key(connection, shown)
    return _Found(Caller.of(key.name, key.scope), not is_use_noted(key)) if key else None


async def refuse_strangers(request: Request) -> None:
    """Refuses a request without a valid key before its body is read.

    Raises:
        Refused: 401 or 429.
    """
    context: ApiContext = request.app.state.context
    if await _found(request, context) is None:
        await count_request(request, context, None)
        raise _unknown(await bearer(request))


def _watches(request: Request) -> bool:
    return request.url.path.startswith(WATCHED)


def _threads(request: Request, context: ApiContext) -> CapacityLimiter | None:
    return context.watchers if _watches(request) else None


def _note_use(engine: Engine, name: str) -> None:
    with engine.begin() as connection:
        note_use(connection, name)


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
            raise Refused(403, f"The key {caller.name!r} lacks the scope {scope}, which this request needs.")
        return caller

    return permitted


def _may_change(caller: Annotated[Caller, Depends(require(Scope.OPERATE))], context: Context) -> Caller:
    """Admits a change to the order store, unless the store was upgraded since this process started.

    Raises:
        StoreRefused: the store was upgraded.
    """
    require_current(revision_of(context.engine))
    return caller


Operator = Annotated[Caller, Depends(_may_change)]
Reader = Annotated[Caller, Depends(require(Scope.READ))]


async def require_to_read(request: Request, caller: Known, shown: Shown) -> None:
    """Admits only callers with a key, except for health requests.

    Raises:
        Refused: 401.
    """
    if not request.url.path.startswith(HEALTH):
        require(Scope.READ)(caller, shown)
