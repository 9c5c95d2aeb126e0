"""Actions on orders, with a dialog that first shows the effect. They call the functions of the API."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData, QueryParams
from starlette.responses import Response

from orders_pipeline.api.bodies import KeyBeforeBody
from orders_pipeline.api.callers.access import Caller, Operator
from orders_pipeline.api.endpoints import captures, failed
from orders_pipeline.api.endpoints import refunds as api_refunds
from orders_pipeline.api.models.actions import Cancel, Capture, Retry
from orders_pipeline.api.models.refunds import WantedLine, WantedRefund
from orders_pipeline.api.protocol.errors import Refused
from orders_pipeline.api.protocol.problems import explained
from orders_pipeline.console.rendering.rendering import Shown, View, url
from orders_pipeline.lifecycle.story import find_orders
from orders_pipeline.refunds.actions import RefundAction
from orders_pipeline.refunds.listing import planned_document, refund_document
from orders_pipeline.refunds.requests.asked import RefundRefused, UnknownRefundError
from orders_pipeline.refunds.requests.request import preview_refunds
from orders_pipeline.refunds.requests.terms import RefundTerms
from orders_pipeline.store.engine import reading

router = APIRouter(prefix="/actions", route_class=KeyBeforeBody)
# Arguments of the API's functions in addition to `orders` and `dry_run`. Each function refuses unknown ones.
TAKEN = ("source", "file", "reason", "since", "text", "all", "stalled", "because")
# The API's function for each action, and the model of its body.
ACTIONS: dict[str, tuple[Callable[..., Response], type[BaseModel]]] = {
    "retry": (failed.retry, Retry),
    "cancel": (failed.cancel, Cancel),
    "capture": (captures.capture, Capture),
}
Model = TypeVar("Model", bound=BaseModel)
Given = QueryParams | FormData


async def _form(request: Request) -> AsyncIterator[FormData]:
    async with request.form() as form:
        yield form


Form = Annotated[FormData, Depends(_form)]


@router.get("/retry")
def preview_retry(view: Shown, caller: Operator) -> Response:
    """Shows how many orders or imports would be retried."""
    return _act(view, caller, "retry", view.request.query_params)


@router.post("/retry")
def retry(view: Shown, caller: Operator, form: Form) -> Response:
    """Retries failed orders or stalled imports."""
    return _act(view, caller, "retry", form, is_confirmed=True)


@router.get("/cancel")
def preview_cancel(view: Shown, caller: Operator) -> Response:
    """Shows how many orders would be cancelled."""
    return _act(view, caller, "cancel", view.request.query_params)


@router.post("/cancel")
def cancel(view: Shown, caller: Operator, form: Form) -> Response:
    """Cancels orders that are not charged or captured yet."""
    return _act(view, caller, "cancel", form, is_confirmed=True)


@router.get("/capture")
def preview_capture(view: Shown, caller: Operator) -> Response:
    """Shows what would be captured."""
    return _act(view, caller, "capture", view.request.query_params)


@router.post("/capture")
def capture(view: Shown, caller: Operator, form: Form) -> Response:
    """Requests the capture of authorized orders."""
    return _act(view, caller, "capture", form, is_confirmed=True)


@router.get("/refund")
def choose_refund(view: Shown, _caller: Operator) -> Response:
    """Shows the form of a refund: all that is left, an amount, or lines."""
    given = view.request.query_params
    number, source = given.get("orders", ""), given.get("source")
    with reading(view.context.engine) as connection:
        found = find_orders(connection, number, source)
    if len(found) != 1:
        raise Refused(404, "There is no such order.")
    return view.page("refund_form.html", "orders", order=found[0], key=secrets.token_urlsafe(16))


@router.post("/refund")
def refund(view: Shown, caller: Operator, form: Form) -> Response:
    """Shows what would be refunded, and requests the refund after confirmation."""
    wanted, key = _wanted_refund(form), str(form.get("key") or "")
    order_url = url(f"/orders/{wanted.order}", source=wanted.source)
    if form.get("step") == "do":
        made = _data(api_refunds.request_refund(view.context, caller, key, wanted))
        return view.page("refund_done.html", "orders", refund=made, back=order_url)
    terms = RefundTerms.of(view.context.settings)
    (planned,) = preview_refunds(view.context.engine, [wanted.asked(key)])
    if isinstance(planned, RefundRefused):
        raise Refused(422, f"{planned.message} {planned.hint}".strip())
    document = planned_document(planned, terms, caller.actor)
    with reading(view.context.engine) as connection:
        (found,) = find_orders(connection, document["order"], document["source"])
    products = {line["line"]: line["name"] or line["sku"] for line in found["lines"]}
    fields = [(name, str(value)) for name, value in form.multi_items() if name not in {"step", "csrf_token"}]
    return view.page(
        "refund_preview.html", "orders", refund=document, products=products, fields=fields, back=order_url
    )


@router.get("/refunds/{refund_id}/{action}")
def preview_refund_action(view: Shown, _caller: Operator, refund_id: str, action: RefundAction) -> Response:
    """Shows an action on a refund before it is carried out."""
    with reading(view.context.engine) as connection:
        try:
            found = refund_document(connection, refund_id)
        except UnknownRefundError as error:
            raise Refused(404, str(error)) from None
    return view.page("refund_action.html", "orders", refund=found, action=action, is_done=False)


@router.post("/refunds/{refund_id}/{action}")
def act_on_refund(view: Shown, caller: Operator, refund_id: str, action: RefundAction) -> Response:
    """Cancels, retries or approves a refund."""
    acts: dict[RefundAction, Callable[..., Response]] = {
        RefundAction.CANCEL: api_refunds.cancel_refund,
        RefundAction.RETRY: api_refunds.retry_refund,
        RefundAction.APPROVE: api_refunds.approve_refund,
    }
    done = _data(acts[action](view.context, caller, refund_id))
    return view.page("refund_action.html", "orders", refund=done, action=action, is_done=True)


def _wanted_refund(form: FormData) -> WantedRefund:
    what = form.get("what")
    entered = {
        name.removeprefix("line-"): value
        for name, value in form.multi_items()
        if name.startswith("line-") and name.removeprefix("line-").isdecimal() and value not in {"", "0"}
    }
    lines = [
        valid(WantedLine, {"line": int(number), "quantity": value}, f"Line {number}, ")
        for number, value in entered.items()
    ]
    return valid(
        WantedRefund,
        {
            "order": form.get("order"),
            "source": form.get("source") or None,
            "reason": form.get("reason"),
            "restock": form.get("restock") == "true",
            **({"amount": form.get("amount")} if what == "amount" else {}),
            **({"lines": lines} if what == "lines" else {}),
        },
    )


def _act(view: View, caller: Caller, action: str, given: Given, *, is_confirmed: bool = False) -> Response:
    """Carries out an action on orders if it is confirmed; otherwise returns what it would do."""
    act, model = ACTIONS[action]
    choice = _choice(given)
    result = _data(act(view.context, caller, valid(model, {**choice, "dry_run": not is_confirmed})))
    fields = [
        (name, one)
        for name, value in choice.items()
        for one in (value if isinstance(value, list) else [value])
    ]
    return view.page(
        "action.html", "orders", action=action, fields=fields, found=result, is_done=is_confirmed
    )


def _choice(given: Given) -> dict[str, Any]:
    choice: dict[str, Any] = {name: given[name] for name in TAKEN if given.get(name)}
    numbers = [str(number) for number in given.getlist("orders") if number]
    return {**choice, **({"orders": numbers} if numbers else {})}


def valid(model: type[Model], values: Mapping[str, Any], place: str = "") -> Model:
    """Validates a body for the API.

    Args:
        place: where the form has these values, if not at its top.

    Raises:
        Refused: 422, the body is not valid.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise Refused(422, place + explained(error.errors())) from None


def _data(response: Response) -> Any:
    """Returns the data in the response of an API function."""
    return json.loads(bytes(response.body))["data"]
