"""Actions that need one confirmation: on files, on the intake, and on stock."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from fastapi import APIRouter
from sqlalchemy import Connection
from starlette.datastructures import FormData, QueryParams
from starlette.responses import Response

from orders_pipeline.access.audit import record_action
from orders_pipeline.api.bodies import KeyBeforeBody
from orders_pipeline.api.callers.access import Caller, Operator
from orders_pipeline.api.context import ApiContext
from orders_pipeline.api.endpoints import intake, quarantine
from orders_pipeline.api.models.actions import Dismiss, Pause, RetryFiles
from orders_pipeline.api.protocol.errors import Refused
from orders_pipeline.base.amounts.quantities import Units, is_countable, quantity_number
from orders_pipeline.console.pages.actions import Form, Given, valid
from orders_pipeline.console.rendering.rendering import Shown
from orders_pipeline.stock.low_stock import set_low_stock
from orders_pipeline.stock.product_list import MOST_UNITS, UnknownProductError, find_product, restock
from orders_pipeline.store.engine import reading

router = APIRouter(prefix="/actions", route_class=KeyBeforeBody)
# The parameters in the link of an action; all other values are entered in the form.
ABOUT = ("ids", "imports", "sku")


class Action(StrEnum):
    """An action with a confirmation; its texts are in `texts/confirm.toml`."""

    RETRY_FILE = "retry-file"
    DISMISS = "dismiss"
    PAUSE = "pause"
    RESUME = "resume"
    RESTOCK = "restock"
    THRESHOLD = "threshold"


@router.get("/{action}")
def confirm(view: Shown, _caller: Operator, action: Action) -> Response:
    """Shows the action before it is carried out."""
    given = view.request.query_params
    with reading(view.context.engine) as connection:
        _require_target(connection, action, given)
    fields = [(name, value) for name, value in given.multi_items() if name in ABOUT]
    return view.page("confirm.html", "", action=action.value, fields=fields, is_done=False)


@router.post("/{action}")
def act(view: Shown, caller: Operator, action: Action, form: Form) -> Response:
    """Carries out the action."""
    DO[action](view.context, caller, form)
    return view.page("confirm.html", "", action=action.value, fields=[], is_done=True)


def _require_target(connection: Connection, action: Action, given: QueryParams) -> None:
    """Refuses an action on a product, file or import that does not exist or is dealt with already.

    Raises:
        Refused: 404, it does not exist; 422, it does not allow the action, or nothing is named.
    """
    if action in {Action.RESTOCK, Action.THRESHOLD}:
        sku = given.get("sku", "")
        if find_product(connection, sku) is None:
            raise Refused(404, f"No product has the SKU {sku!r}.")
    elif action is Action.RETRY_FILE:
        quarantine.require_open_files(connection, _files_to_retry(given))
    elif action is Action.DISMISS:
        quarantine.require_open_files(connection, _files_to_dismiss(given))


def _files_to_retry(given: Given) -> RetryFiles:
    return valid(RetryFiles, {"ids": given.getlist("ids")})


def _files_to_dismiss(given: Given) -> Dismiss:
    chosen = {"ids": given.getlist("ids"), "imports": given.getlist("imports")}
    return valid(Dismiss, {**chosen, "because": given.get("because") or ""})


def _retry_file(context: ApiContext, caller: Caller, form: FormData) -> None:
    quarantine.retry_quarantined(context, caller, _files_to_retry(form))


def _dismiss(context: ApiContext, caller: Caller, form: FormData) -> None:
    quarantine.dismiss_quarantined(context, caller, _files_to_dismiss(form))


def _pause(context: ApiContext, caller: Caller, form: FormData) -> None:
    intake.pause(context, caller, valid(Pause, {"because": form.get("because") or ""}))


def _resume(context: ApiContext, caller: Caller, _form: FormData) -> None:
    intake.resume(context, caller)


def _restock(context: ApiContext, caller: Caller, form: FormData) -> None:
    sku, units = str(form.get("sku")), _units(form)
    if units is None or units <= 0:
        raise Refused(422, "Enter how many units arrived, such as 12 or 2.5.")
    try:
        with context.engine.begin() as connection:
            on_hand = quantity_number(restock(connection, sku, units))
            details = {"units": quantity_number(units), "on_hand": on_hand}
            record_action(connection, caller.actor, "products.restock", sku, **details)
    except UnknownProductError as error:
        raise Refused(404, str(error)) from None


def _threshold(context: ApiContext, caller: Caller, form: FormData) -> None:
    sku, low = str(form.get("sku")), _units(form)
    shown = None if low is None else quantity_number(low)
    try:
        with context.engine.begin() as connection:
            set_low_stock(connection, sku, low)
            record_action(connection, caller.actor, "products.threshold", sku, low_stock=shown)
    except UnknownProductError:
        raise Refused(404, f"No product has the SKU {sku!r}.") from None


def _units(form: FormData) -> Units | None:
    text = str(form.get("units") or "").strip()
    try:
        units = Decimal(text) if text else None
    except InvalidOperation:
        units = Decimal(-1)
    if units is not None and not (units.is_finite() and 0 <= units <= MOST_UNITS and is_countable(units)):
        raise Refused(422, f"{text} is not a number of units. Enter a number such as 12 or 2.5.")
    return units


DO: dict[Action, Callable[[ApiContext, Caller, FormData], None]] = {
    Action.RETRY_FILE: _retry_file,
    Action.DISMISS: _dismiss,
    Action.PAUSE: _pause,
    Action.RESUME: _resume,
    Action.RESTOCK: _restock,
    Action.THRESHOLD: _threshold,
}
