"""Data that a proxy in `ORDERS_TRUSTED_PROXIES` adds to a request: the user and the name of the site.

It checks the address of the connection, so it runs before the middleware that replaces this address with the
client's.
"""

from __future__ import annotations

from collections.abc import Collection, MutableMapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any

from fastapi import Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

SCOPE_KEY = "orders_proxy"
FORWARDING = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")


@dataclass(frozen=True, slots=True)
class ProxyHeaders:
    """The user who has signed in at the proxy, and the name by which the browser knows the site."""

    user: str | None = None
    host: str | None = None


class TrustedProxies:
    """Reads the headers of trusted proxies, and ignores those of all others.

    Args:
        networks: addresses or networks of the proxies.
        user_header: header in which they name the user. Empty: none.
    """

    def __init__(self, app: ASGIApp, networks: Collection[str], user_header: str) -> None:
        self._app, self._user_header = app, user_header
        self._networks = [ip_network(network) for network in networks]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forwards a request."""
        if scope["type"] == "http" and self._is_trusted(scope):
            headers = Headers(scope=scope)
            scope[SCOPE_KEY] = ProxyHeaders(self._user(headers), headers.get("x-forwarded-host"))
        await self._app(scope, receive, send)

    def _user(self, headers: Headers) -> str | None:
        # Two names mean that the client sent the header as well, and that the proxy did not remove it.
        named = headers.getlist(self._user_header) if self._user_header else []
        return named[0].strip() or None if len(named) == 1 else None

    def _is_trusted(self, scope: Scope) -> bool:
        client = scope.get("client")
        try:
            address = ip_address(client[0]) if client else None
        except ValueError:
            return False
        return address is not None and any(address in network for network in self._networks)


def proxy_headers(request: Request) -> ProxyHeaders:
    """Returns the data that a trusted proxy added to this request; empty without such a proxy."""
    headers: ProxyHeaders = request.scope.get(SCOPE_KEY, ProxyHeaders())
    return headers


def is_from_this_machine(request: Request) -> bool:
    """Whether a program of this machine connected to a local address, and no proxy passed the request on."""
    headers = request.headers
    return (
        _is_loopback(request.scope, "client")
        and _is_loopback(request.scope, "server")
        and not any(name in headers for name in FORWARDING)
    )


def _is_loopback(scope: MutableMapping[str, Any], end: str) -> bool:
    address = scope.get(end)
    try:
        return address is not None and ip_address(address[0]).is_loopback
    except ValueError:
        return False
