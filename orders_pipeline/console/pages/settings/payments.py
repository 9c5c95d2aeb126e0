"""The payment settings in effect, without secrets."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from orders_pipeline.api.callers.access import Admin
from orders_pipeline.base.shown_settings import shown_settings
from orders_pipeline.console.pages.settings.frame import SETTINGS, settings_page
from orders_pipeline.console.rendering.rendering import Shown
from orders_pipeline.payments.connect import PROVIDERS
from orders_pipeline.payments.in_effect import gateway_in_effect
from orders_pipeline.store.engine import reading

router = APIRouter()
OF_PAYMENTS = tuple(
    f"ORDERS_{part}_"
    for part in ("PAYMENT", *map(str.upper, PROVIDERS), "DUNNING", "REFUND", "CAPTURE", "AUTHORIZATION")
)


@router.get(f"{SETTINGS}/payments")
def payments(view: Shown, _admin: Admin) -> Response:
    """Shows the gateway, and every setting of payments, captures and refunds."""
    settings = view.context.settings
    with reading(view.context.engine) as connection:
        gateway = gateway_in_effect(connection, settings)
    listed = [one for one in shown_settings(settings) if one["name"].startswith(OF_PAYMENTS)]
    return settings_page(
        view,
        "payments",
        gateway=gateway,
        capture=settings.payment_capture,
        settings_shown=listed,
        hours=settings.authorization_hours,
        limit=settings.refund_limit,
        gateway_url=settings.payment_url,
    )
