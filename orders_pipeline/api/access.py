"""Authentication and authorization: the API keys of the store, and the home's own key with every scope."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
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

    It reads the header itself, because the OpenAPI page marks all users of `bearer` as requiring a key.

    Raises:
        Refused: 429, this address sent too many wrong keys.
    """
    scheme, key = get_authorization_scheme_param(request.headers.get("Authorization"))
    if scheme.lower() != "bearer" or not key.strip():
        return None
    return await run_sync(_known, request, context, later, key, limiter=_threads(request, context))


Known = Annotated[Caller | None, Depends(identify)]


def _known(request: Request, context: ApiContext, later: BackgroundTasks, shown: str) -> Caller | None:
    limit: RateLimit = request.app.state.rate_limit
    limit.refuse_guessing(address_of(request))
    if is_same_secret(shown, context.key):
        return Caller.of(HOME_KEY, Scope.OPERATE)
    # A health request must not hang when the store hangs.
    with reading(context.watched_store if _watches(request) else context.engine) as connection:
        found = find_key(connection, shown)
    if found is None:
        limit.count_wrong_key(address_of(request))
        return None
    if not is_use_noted(found):
        # After the response, because on SQLite it may wait for an import's transaction.
        later.add_task(_note_use, context.engine, found.name)
    return Caller.of(found.name, found.scope)


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


def require(scope: Scope) -> Callable[..., Caller]:
    """A dependency that admits only callers with a scope, and returns the caller.

    Raises:
        Refused: 401 without a valid key, 403 without the scope.
    """

    def permitted(caller: Known, shown: Shown) -> Caller:
        if caller is None:
            message = "This key is unknown or has expired." if shown else NO_KEY
            raise Refused(401, message, {"WWW-Authenticate": "Bearer"})
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
