"""The simulator's HTTP responses, with the bodies and status codes of Stripe's API."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from starlette.responses import JSONResponse, Response

from orders_pipeline.payments.simulator.journal import CAPTURES, REFUNDS, VOIDS, Entry

PREFIXES = {REFUNDS: "re", CAPTURES: "ca", VOIDS: "vo"}
OK, ACCEPTED, PAYMENT_REQUIRED, SERVER_ERROR = 200, 202, 402, 500


def document(entry: Entry) -> dict[str, Any]:
    """Makes the JSON document of an entry; a pending one shows no outcome."""
    known = not entry.is_pending
    shared = {
        "amount": entry.amount,
        "currency": entry.currency,
        "reference": entry.reference,
        "idempotency_key": entry.idempotency_key,
        "transaction_id": entry.transaction_id if known else None,
    }
    reason = entry.reason if known else None
    if entry.charge:
        kind = entry.table.removesuffix("s")
        head = {"id": f"{PREFIXES[entry.table]}_{entry.number}", "object": kind}
        head["status"] = _status(entry, "failed")
        failure = (entry.came_back if known else None) or reason
        return head | shared | {"charge": entry.charge, "failure_reason": failure}
    head = {"id": f"ch_{entry.number}", "object": "charge", "status": _status(entry, "declined")}
    return head | shared | {"decline_reason": reason}


def first_answer(entry: Entry, replayed: bool) -> Response:
    """Makes the response to a request; every repetition with the same key gets the first response."""
    headers = {"Idempotent-Replayed": "true"} if replayed else {}
    match entry.first_answer:
        case 500:
            return error(SERVER_ERROR, "api_error", "api_error", "Something went wrong.", headers)
        case 202:
            return JSONResponse(document(_as_pending(entry)), ACCEPTED, headers)
        case 402:
            declined = _error_document("card_error", "card_declined", "The charge was declined.")
            declined["error"]["charge"] = document(entry)
            return JSONResponse(declined, PAYMENT_REQUIRED, headers)
    return JSONResponse(document(entry), OK, headers)


def error(
    status: int, kind: str, code: str, message: str, headers: dict[str, str] | None = None
) -> JSONResponse:
    """Makes an error response."""
    return JSONResponse(_error_document(kind, code, message), status, headers)


def refused(code: str, message: str) -> JSONResponse:
    """Makes the response to a request that cannot be carried out."""
    return error(400, "invalid_request_error", code, message)


def rate_limited(seconds: int, as_date: bool) -> JSONResponse:
    """Makes a response 429 (too many requests) with the wait in seconds or as an HTTP date."""
    at = datetime.now(UTC) + timedelta(seconds=seconds)
    wait = format_datetime(at, usegmt=True) if as_date else str(seconds)
    message = "Too many requests hit the API too quickly."
    return error(429, "invalid_request_error", "rate_limit", message, {"Retry-After": wait})


def maintenance_page() -> Response:
    """Makes the page that a proxy shows while the gateway behind it is down for maintenance."""
    return Response("<html><body>Back soon.</body></html>", 403, media_type="text/html")


def page_of(entries: Sequence[Entry], limit: int) -> JSONResponse:
    """Makes a page of a list; more than `limit` entries mean that another page follows."""
    data = [document(entry) for entry in entries[:limit]]
    return JSONResponse({"object": "list", "data": data, "has_more": len(entries) > limit})


def _as_pending(entry: Entry) -> Entry:
    return entry._replace(known_at=2**63)


def _status(entry: Entry, failed: str) -> str:
    if entry.is_pending:
        return "pending"
    if entry.hold in ("authorized", "voided"):
        return entry.hold
    return "succeeded" if entry.transaction_id and not entry.came_back else failed


def _error_document(kind: str, code: str, message: str) -> dict[str, Any]:
    return {"error": {"type": kind, "code": code, "message": message}}
