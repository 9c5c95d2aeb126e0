"""The common frame of the settings pages, with the tabs that the user may see."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from orders_pipeline.base.model import Scope
from orders_pipeline.console.rendering.forms import gone_to
from orders_pipeline.console.rendering.rendering import Shown, View
from orders_pipeline.console.texts import texts

router = APIRouter()
SETTINGS = "/settings"
AUDIT = f"{SETTINGS}/audit"
TABS = ("users", "keys", "webhooks", "profiles", "payments", "audit", "configuration")
OF_ADMINS = ("users", "keys", "webhooks", "payments", "configuration")


@router.get(SETTINGS)
def settings(view: Shown) -> Response:
    """Redirects to the first page that the user may see."""
    return gone_to(f"{SETTINGS}/users" if is_admin(view) else AUDIT)


def is_admin(view: View) -> bool:
    """Whether the user is an administrator."""
    return view.caller is not None and Scope.ADMIN in view.caller.scopes


def settings_page(view: View, tab: str, status: int = 200, **values: Any) -> Response:
    """Renders a page of the settings."""
    names = [name for name in TABS if _is_shown(view, name)]
    tabs = [(getattr(texts().settings.tabs, name), f"{SETTINGS}/{name}", name == tab) for name in names]
    response = view.page(f"settings/{tab}.html", "settings", status, tab=tab, tabs_shown=tabs, **values)
    response.headers["Cache-Control"] = "no-store"
    return response


def _is_shown(view: View, name: str) -> bool:
    return name not in OF_ADMINS or is_admin(view)
