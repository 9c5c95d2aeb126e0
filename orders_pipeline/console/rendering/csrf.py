"""The user of a request, and protection against cross-site request forgery (CSRF).

`api/callers/access.py` checks the token of each request of a session that changes something.
"""

from __future__ import annotations

from fastapi import Request

from orders_pipeline.api.callers.access import NO_KEY, caller_of
from orders_pipeline.api.callers.browsers import BrowserUser
from orders_pipeline.api.callers.own_site import is_change
from orders_pipeline.api.protocol.errors import Refused


def user_of(request: Request) -> BrowserUser | None:
    """Returns the signed-in user; None for a program, and without a sign-in."""
    caller = caller_of(request)
    return caller.user if caller else None


def csrf_token(request: Request) -> str:
    """Returns the token for the field `csrf_token` in this session's forms; empty without a session."""
    user = user_of(request)
    return user.form_token if user and user.session else ""


def require_session(request: Request) -> None:
    """Checks that a user of a proxy has a session, because the forms of pages need a token.

    Raises:
        Refused: 401, which redirects to the sign-in and back.
    """
    user = user_of(request)
    is_browser = "text/html" in request.headers.get("accept", "")
    if user and not user.session and is_browser and not is_change(request):
        raise Refused(401, NO_KEY)
