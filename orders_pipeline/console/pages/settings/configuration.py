"""The settings in effect, without secrets."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from orders_pipeline.api.callers.access import Admin
from orders_pipeline.base.shown_settings import shown_settings
from orders_pipeline.console.pages.settings.frame import SETTINGS, settings_page
from orders_pipeline.console.rendering.rendering import Shown

router = APIRouter()


@router.get(f"{SETTINGS}/configuration")
def configuration(
    view: Shown,
    _admin: Admin,
    text: Annotated[str, Query(max_length=200)] = "",
    only: Annotated[str, Query(max_length=3)] = "",
) -> Response:
    """Shows every setting with its value."""
    listed = shown_settings(view.context.settings)
    found = [one for one in listed if text.upper() in one["name"] and (not only or not one["is_default"])]
    return settings_page(view, "configuration", settings_shown=found, text=text, only=bool(only))
