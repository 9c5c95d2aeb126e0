"""Signing in at an OpenID provider: authorization code with PKCE, state and nonce, by Authlib."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256
from typing import Any

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.starlette_client import OAuth
from fastapi import Request
from httpx2 import HTTPError
from itsdangerous import BadSignature, URLSafeTimedSerializer
from joserfc.errors import JoseError
from starlette.responses import Response

from orders_pipeline.access.signing_in import Vouched
from orders_pipeline.api.callers.cookies import cookie, delete_cookie, set_cookie
from orders_pipeline.base.model import Role, SignInMethod
from orders_pipeline.base.settings import Settings, SettingsError, role_mapping

COOKIE, LIVES = "provider", timedelta(minutes=10)
PATIENCE_SECONDS = 10
FAILED = "The sign-in at the provider failed. Try again."
log = logging.getLogger(__name__)


class ProviderError(Exception):
    """The provider does not answer, or its answer cannot be trusted. The log has the details."""


class Provider:
    """The OpenID provider of these settings.

    Args:
        secret: signs the cookie that a browser carries to the provider and back.
    """

    def __init__(self, settings: Settings, secret: str) -> None:
        self._settings = settings
        self._signer = URLSafeTimedSerializer(sha256(f"provider {secret}".encode()).digest())
        self._client = OAuth().register(
            "provider",
            client_id=settings.oidc_client_id,
            client_secret=_client_secret(settings),
            server_metadata_url=f"{settings.oidc_issuer.rstrip('/')}/.well-known/openid-configuration",
            client_kwargs={
                "scope": "openid profile email",
                "code_challenge_method": "S256",
                "timeout": PATIENCE_SECONDS,
            },
        )

    async def start(self, request: Request, back: str, after: str) -> Response:
        """Sends a browser to the provider.

        Args:
            back: address to which the provider sends the browser back.
            after: path to open after the sign-in.

        Raises:
            ProviderError: it does not answer.
        """
        request.scope["session"] = {"after": after}
        with _telling_failures():
            response: Response = await self._client.authorize_redirect(request, back)
        carried = self._signer.dumps(request.scope["session"])
        set_cookie(request, response, COOKIE, str(carried), int(LIVES.total_seconds()))
        return response

    async def finish(self, request: Request) -> tuple[Vouched, str]:
        """The user whom the provider sends back, and the path to open.

        Raises:
            ProviderError: the answer of the provider does not belong to this browser, or is not valid.
        """
        request.scope["session"] = self._carried(request)
        after = str(request.scope["session"].get("after", "/"))
        with _telling_failures():
            token = await self._client.authorize_access_token(request)
            claims = await self._claims(token)
            return self._vouched(claims), after

    def forget(self, request: Request, response: Response) -> None:
        """Removes the cookie that the browser carried to the provider and back."""
        delete_cookie(request, response, COOKIE)

    def _carried(self, request: Request) -> dict[str, Any]:
        try:
            carried: dict[str, Any] = self._signer.loads(
                cookie(request, COOKIE), max_age=int(LIVES.total_seconds())
            )
        except BadSignature:
            raise ProviderError(FAILED) from None
        return carried

    async def _claims(self, token: Mapping[str, Any]) -> dict[str, Any]:
        """The claims of the ID token, and those that only the provider's user info has."""
        claims = dict(token["userinfo"])
        metadata = await self._client.load_server_metadata()
        if metadata["issuer"].rstrip("/") != self._settings.oidc_issuer.rstrip("/"):
            raise ValueError(f"the issuer is {metadata['issuer']}")
        if "userinfo_endpoint" in metadata and not self._is_complete(claims):
            more = await self._client.userinfo(token=token)
            if more["sub"] != claims["sub"]:
                raise ValueError("the user info is about another user")
            claims = {**more, **claims}
        return claims

    def _is_complete(self, claims: Mapping[str, Any]) -> bool:
        wanted = (self._settings.oidc_name_claim, self._settings.oidc_role_claim)
        return all(_claim(claims, name) is not None for name in wanted if name)

    def _vouched(self, claims: Mapping[str, Any]) -> Vouched:
        name = _claim(claims, self._settings.oidc_name_claim)
        if not isinstance(name, str):
            raise ValueError(f"there is no claim {self._settings.oidc_name_claim}")
        # Some providers write claims as text.
        is_unverified = str(claims.get("email_verified", True)).lower() == "false"
        if self._settings.oidc_name_claim == "email" and is_unverified:
            raise ValueError("the mail address is not verified")
        subject = f"{claims['iss']} {claims['sub']}"
        says_roles = bool(self._settings.oidc_role_claim)
        return Vouched(name, SignInMethod.OIDC, subject, self._role(claims), says_roles)

    def _role(self, claims: Mapping[str, Any]) -> Role | None:
        """The highest role of the user's groups."""
        found = _claim(claims, self._settings.oidc_role_claim)
        groups = found if isinstance(found, list) else [found]
        roles = {role for group, role in role_mapping(self._settings.oidc_roles).items() if group in groups}
        return max(roles, key=list(Role).index, default=None)


def _client_secret(settings: Settings) -> str | None:
    file = settings.oidc_client_secret_file
    try:
        return file.read_text().strip() if file else None
    except OSError as error:
        raise SettingsError(f"ORDERS_OIDC_CLIENT_SECRET_FILE: {error}") from None


def _claim(claims: Mapping[str, Any], path: str) -> object:
    """The value of a claim, which may be nested: `realm_access.roles`. The whole name is tried first."""
    if path in claims:
        return claims[path]
    found: object = claims
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


@contextmanager
def _telling_failures() -> Iterator[None]:
    try:
        yield
    except (AuthlibBaseError, JoseError, HTTPError, ValueError, LookupError, RuntimeError) as error:
        log.warning("The sign-in at the OpenID provider failed: %s: %s", type(error).__name__, error)
        raise ProviderError(FAILED) from error
