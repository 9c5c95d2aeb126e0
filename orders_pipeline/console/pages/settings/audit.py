"""The audit trail, filtered and in pages."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from orders_pipeline.access.audit import ActionFilter, list_actions
from orders_pipeline.api.callers.access import Reader
from orders_pipeline.base.clock import start_of_day
from orders_pipeline.console.pages.settings.frame import AUDIT, settings_page
from orders_pipeline.console.rendering.rendering import Shown
from orders_pipeline.store.engine import reading

router = APIRouter()
ON_A_PAGE = 50
LARGEST_ID = 2**53
Text = Annotated[str, Query(max_length=200)]


@router.get(AUDIT)
def audit(
    view: Shown,
    _reader: Reader,
    actor: Text = "",
    action: Text = "",
    target: Text = "",
    since: date | None = None,
    cursor: Annotated[int | None, Query(ge=0, le=LARGEST_ID)] = None,
) -> Response:
    """Lists the actions of people and programs, newest first."""
    start = start_of_day(since, view.context.settings.zone) if since else None
    wanted = ActionFilter(actor or None, action or None, target or None, start, cursor)
    with reading(view.context.engine) as connection:
        found = list_actions(connection, wanted, ON_A_PAGE + 1)
    shown = found[:ON_A_PAGE]
    return settings_page(
        view,
        "audit",
        actions=shown,
        next=shown[-1].id if len(found) > ON_A_PAGE else None,
        is_first=cursor is None,
        is_filtered=any((actor, action, target, since)),
        wanted={"actor": actor, "action": action, "target": target, "since": since or ""},
        most=ON_A_PAGE,
    )
