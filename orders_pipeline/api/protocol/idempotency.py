"""The header `Idempotency-Key`: a client that got no response sends the same request again with its key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Annotated, Any

from fastapi import Depends, Header

from orders_pipeline.api.models.responses import Failure, Refusal, Responses
from orders_pipeline.api.protocol.errors import Refused

HEADER = "Idempotency-Key"
MOST_CHARACTERS = 255
MISSING = f"This request needs the header {HEADER}: up to {MOST_CHARACTERS} printable characters."
AT_WORK = "A request with this key is still at work."
AGAIN = {"Retry-After": "1"}
REFUSALS: Responses = {
    400: {"model": Failure, "description": f"{HEADER} is missing or not readable, or the body is no JSON."},
    409: {"model": Refusal, "description": "A request with the same key is still at work. Send it again."},
}
# FastAPI would answer 422 to a request without a required header.
IN_OPENAPI: dict[str, Any] = {
    "parameters": [
        {
            "name": HEADER,
            "in": "header",
            "required": True,
            "description": "Drawn by the client for this request, and sent again with each repetition of it.",
            "schema": {"type": "string", "minLength": 1, "maxLength": MOST_CHARACTERS},
            "example": "8e03978e-40d5-43dd-bc93-6894a57f9324",
        }
    ]
}


def _idempotency_key(
    shown: Annotated[str | None, Header(alias=HEADER, include_in_schema=False)] = None,
) -> str:
    if not shown or len(shown) > MOST_CHARACTERS or not shown.isprintable():
        raise Refused(400, MISSING)
    return shown


IdempotencyKey = Annotated[str, Depends(_idempotency_key)]


class KeysAtWork:
    """Keys of requests that this process works on. Of other processes, a request waits for their locks."""

    def __init__(self) -> None:
        self._keys: set[str] = set()
        self._lock = Lock()

    @contextmanager
    def working_on(self, key: str) -> Iterator[None]:
        """Holds a key.

        Raises:
            Refused: 409, another request holds it.
        """
        with self._lock:
            if key in self._keys:
                told = {"code": "key_at_work", "hint": "Send it again to get its outcome."}
                raise Refused(409, AT_WORK, AGAIN, told)
            self._keys.add(key)
        try:
            yield
        finally:
            self._keys.discard(key)
