"""Cookies of the console. Each is for one browser and one port, and no script can read it."""

from __future__ import annotations

from fastapi import Request
from starlette.responses import Response

SESSION, DEVICE, FORM = "session", "device", "form"


def cookie(request: Request, name: str) -> str:
    """The value of a cookie; empty without it."""
    return request.cookies.get(_name(request, name), "")


def set_cookie(
    request: Request, response: Response, name: str, value: str, seconds: int | None = None
) -> None:
    """Sets a cookie; without seconds, it lasts until the browser is closed."""
    response.set_cookie(
        _name(request, name),
        value,
        max_age=seconds,
        path="/",
        secure=_is_secure(request),
        httponly=True,
        samesite="lax",
    )


def delete_cookie(request: Request, response: Response, name: str) -> None:
    """Makes the browser forget a cookie."""
    secure = _is_secure(request)
    response.delete_cookie(_name(request, name), path="/", secure=secure, httponly=True, samesite="lax")


def _name(request: Request, name: str) -> str:
    # With this prefix, browsers let no other site or subdomain set the cookie, but they require TLS.
    # Without TLS, the port is in the name, because browsers send cookies to all ports of a host.
    return f"__Host-orders_{name}" if _is_secure(request) else f"orders_{name}_{request.url.port or 80}"


def _is_secure(request: Request) -> bool:
    return request.url.scheme == "https"
