"""Events that the simulator sends, signed as Standard Webhooks says, and what makes it send one."""

from __future__ import annotations

import asyncio
import json
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import httpx
from pydantic import BaseModel, ConfigDict, Field
from standardwebhooks import Webhook

from orders_pipeline.payments.simulator.journal import Entry

TRIES, TIMEOUT_SECONDS, PAUSE_SECONDS = 5, 10.0, 0.5
FEE = 1500


class EventType(StrEnum):
    """The events that the simulator sends."""

    REFUND_SUCCEEDED = "refund.succeeded"
    REFUND_FAILED = "refund.failed"
    DISPUTE_OPENED = "dispute.opened"
    DISPUTE_WON = "dispute.won"
    DISPUTE_LOST = "dispute.lost"

    @property
    def is_of_refund(self) -> bool:
        """Whether it is about a refund; else, it is about a dispute of a charge."""
        return self.startswith("refund.")


class EventRequest(BaseModel):
    """Body of a request that makes the simulator send an event.

    Attributes:
        transaction_id: of the refund, or of the charge that is disputed.
        amount: of a dispute, in minor units; all of the charge if it is not given.
        fee: of a dispute, in minor units.
    """

    model_config = ConfigDict(extra="forbid")

    type: EventType
    transaction_id: str
    reason: str = ""
    amount: int | None = Field(None, ge=0)
    fee: int = Field(FEE, ge=0)


@dataclass(frozen=True, slots=True)
class EventSender:
    """Sends events to a URL, several times if it does not accept them. Without a URL, it sends nothing."""

    url: str = ""
    secret: str = field(default="", repr=False)

    async def send(self, kind: EventType, data: dict[str, Any]) -> dict[str, Any]:
        """Sends an event; returns its id, type and data, and whether it was accepted."""
        now, event_id = datetime.now(UTC), f"evt_{secrets.token_hex(12)}"
        body = json.dumps({"type": kind, "timestamp": now.isoformat(), "data": data})
        accepted = bool(self.url) and await self._deliver(event_id, body)
        return {"id": event_id, "type": kind, "data": data, "accepted": accepted}

    async def _deliver(self, event_id: str, body: str) -> bool:
        async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
            for number in range(TRIES):
                await asyncio.sleep(PAUSE_SECONDS * number)
                try:
                    answer = await client.post(self.url, content=body, headers=self._headers(event_id, body))
                except httpx.TransportError:
                    continue
                if answer.is_success:
                    return True
        return False

    def _headers(self, event_id: str, body: str) -> dict[str, str]:
        now = datetime.now(UTC)
        return {
            "content-type": "application/json",
            "webhook-id": event_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(self.secret).sign(event_id, now, body),
        }


def dispute_of(charge: Entry, wanted: EventRequest) -> dict[str, Any]:
    """Makes the JSON document of a dispute of a charge."""
    return {
        "id": f"du_{charge.number}",
        "object": "dispute",
        "status": wanted.type.partition(".")[2],
        "charge": charge.transaction_id,
        "reference": charge.reference,
        "amount": charge.amount if wanted.amount is None else wanted.amount,
        "currency": charge.currency,
        "fee": wanted.fee,
        "reason": wanted.reason or "fraudulent",
    }
