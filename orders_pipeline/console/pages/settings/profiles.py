"""Column profiles: what each reads, and how many files were read with it."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from orders_pipeline.api.bodies import KeyBeforeBody
from orders_pipeline.api.callers.access import Operator, Reader
from orders_pipeline.api.protocol.errors import Refused
from orders_pipeline.console.pages.settings.frame import SETTINGS, settings_page
from orders_pipeline.console.rendering.forms import Field, gone_to
from orders_pipeline.console.rendering.rendering import Shown
from orders_pipeline.console.texts import texts
from orders_pipeline.imports.arrival.saved_profiles import files_by_profile, remove_profile, saved_profiles
from orders_pipeline.order_files.columns.profile import built_in_profiles
from orders_pipeline.store.engine import reading

PAGE = f"{SETTINGS}/profiles"
router = APIRouter(prefix=PAGE, route_class=KeyBeforeBody)


@router.get("")
def profiles(view: Shown, _reader: Reader, done: str = "") -> Response:
    """Lists the saved and the built-in profiles."""
    with reading(view.context.engine) as connection:
        saved, files = saved_profiles(connection), files_by_profile(connection)
    message = getattr(texts().settings.profiles.done, done, "") if done else ""
    return settings_page(
        view, "profiles", saved=saved, built_in=built_in_profiles(), files=files, done=message
    )


@router.post("/remove")
def remove(view: Shown, operator: Operator, name: Field) -> Response:
    """Removes a saved profile."""
    with view.context.engine.begin() as connection:
        if not remove_profile(connection, name, operator.actor):
            raise Refused(404, texts().settings.profiles.unknown)
    return gone_to(PAGE, done="removed")
