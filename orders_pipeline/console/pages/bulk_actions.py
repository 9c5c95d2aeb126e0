"""Actions on selected or all orders of the list, with a preview and one confirmation."""

from __future__ import annotations

import json
import secrets
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from orders_pipeline.api.bodies import KeyBeforeBody
from orders_pipeline.api.callers.access import Operator
from orders_pipeline.api.endpoints.orders import WantedOrders
from orders_pipeline.api.protocol.errors import Refused
from orders_pipeline.base.model import FailureReason
from orders_pipeline.console.page_data.bulk import Bulk, BulkAction, Wanted, chosen_orders, do, plan
from orders_pipeline.console.pages.actions import Form
from orders_pipeline.console.rendering.rendering import Shown
from orders_pipeline.console.texts import texts
from orders_pipeline.exports.order_filter import OrderFilter

router = APIRouter(prefix="/actions/orders", route_class=KeyBeforeBody)
# Each value is the source and the number of an order, as JSON.
Names = Annotated[list[str] | None, Query(alias="order", max_length=1000)]
All = Annotated[bool, Query(alias="all")]


@router.get("/{action}")
def preview(
    view: Shown,
    _caller: Operator,
    action: BulkAction,
    wanted: WantedOrders,
    order: Names = None,
    everything: All = False,
) -> Response:
    """Shows what the action would do to the orders."""
    return _preview(view, action, _planned(view, action, wanted, _names(order, everything)))


@router.post("/{action}")
def act(
    view: Shown,
    caller: Operator,
    action: BulkAction,
    wanted: WantedOrders,
    form: Form,
    order: Names = None,
    everything: All = False,
) -> Response:
    """Carries out the action if its effect is still the one shown; otherwise shows the new effect."""
    bulk = _planned(view, action, wanted, _names(order, everything))
    if form.get("digest") != bulk.digest:
        return _preview(view, action, bulk, changed=True)
    by = Wanted(caller.actor, str(form.get("reason") or ""), str(form.get("key") or ""))
    return view.page("bulk.html", "orders", action=action, done=do(view.context, action, bulk, by))


def _planned(view: Shown, action: BulkAction, wanted: OrderFilter, names: list[tuple[str, str]]) -> Bulk:
    found = chosen_orders(view.context, wanted, names)
    on_purpose = bool(names) or wanted.reason is FailureReason.CANCELLED
    return plan(view.context, action, found, on_purpose=on_purpose)


def _preview(view: Shown, action: BulkAction, bulk: Bulk, *, changed: bool = False) -> Response:
    address = f"/actions/orders/{action}?{view.request.url.query}"
    return view.page(
        "bulk.html",
        "orders",
        action=action,
        bulk=bulk,
        changed=changed,
        send_to=address,
        key=secrets.token_urlsafe(16),
        done=None,
    )


def _names(given: list[str] | None, everything: bool) -> list[tuple[str, str]]:
    """Returns the selected orders; none if the whole list is selected.

    Raises:
        Refused: 422, nothing was selected, or the selection is not valid.
    """
    if everything:
        return []
    try:
        names = [(str(source), str(number)) for source, number in map(json.loads, given or [])]
    except ValueError:
        raise Refused(422, texts().bulk.unreadable) from None
    if not names:
        raise Refused(422, texts().bulk.nothing_selected)
    return names
