"""The simulator's HTTP responses, with the bodies and status codes of Stripe's API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from starlette.responses import JSONResponse, Response

from orders_pipeline.payments.simulator.journal import JournaledCharge

OK, ACCEPTED, PAYMENT_REQUIRED, SERVER_ERROR = 200, 202, 402, 500


def charge_object(charge: JournaledCharge, status: str | None = None) -> dict[str, Any]:
    """Makes the JSON document of a charge; a pending charge shows no outcome."""
    status = status or charge.status
    known = status != "pending"
    return {
        "id": f"ch_{charge.number}",
        "object": "charge",
        "status": status,
        "amount": charge.amount,
        "currency": charge.currency,
        "reference": charge.reference,
        "idempotency_key": charge.idempotency_key,
        "transaction_id": charge.transaction_id if known else None,
        "decline_reason": charge.decline_reason if known else None,
    }


def first_answer(charge: JournaledCharge, replayed: bool) -> Response:
    """Makes the response to a charge request; every repetition with the same key gets the first response."""
    headers = {"Idempotent-Replayed": "true"} if replayed else {}
    match charge.first_answer:
        case 500:
            return error(SERVER_ERROR, "api_error", "api_error", "Something went wrong.", headers)
        case 202:
            return JSONResponse(charge_object(charge, "pending"), ACCEPTED, headers)
        case 402:
            document = _error_document("card_error", "card_declined", "The charge was declined.")
            document["error"]["charge"] = charge_object(charge)
            return JSONResponse(document, PAYMENT_REQUIRED, headers)
    return JSONResponse(charge_object(charge), OK, headers)


def error(
    status: int, kind: str, code: str, message: str, headers: dict[str, str] | None = None
) -> JSONResponse:
    """Makes an error response."""
    return JSONResponse(_error_document(kind, code, message), status, headers)


def rate_limited(seconds: int, as_date: bool) -> JSONResponse:
    """Makes a response 429 (too many requests) with the wait in seconds or as an HTTP date."""
    at = datetime.now(UTC) + timedelta(seconds=seconds)
    wait = format_datetime(at, usegmt=True) if as_date else str(seconds)
    message = "Too many requests hit the API too quickly."
    return error(429, "invalid_request_error", "rate_limit", message, {"Retry-After": wait})


def maintenance_page() -> Response:
    """Makes the page that a proxy shows while the gateway behind it is down for maintenance."""
    return Response("<html><body>Back soon.</body></html>", 403, media_type="text/html")


def page_of(charges: list[JournaledCharge], limit: int) -> JSONResponse:
    """Makes a page of a list; more than `limit` charges mean that another page follows."""
    data = [charge_object(charge) for charge in charges[:limit]]
    return JSONResponse({"object": "list", "data": data, "has_more": len(charges) > limit})


def _error_document(kind: str, code: str, message: str) -> dict[str, Any]:
    return {"error": {"type": kind, "code": code, "message": message}}
