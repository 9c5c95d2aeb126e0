"""The gateway simulator: its endpoints, the API key, and control over it."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import Any

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from orders_pipeline.payments.backends.simulated import SimulatedGateway
from orders_pipeline.payments.simulator import answers
from orders_pipeline.payments.simulator.endpoint import Endpoint, Locks
from orders_pipeline.payments.simulator.events import EventRequest, EventSender, EventType, dispute_of
from orders_pipeline.payments.simulator.faults import FaultDice, FaultPlan
from orders_pipeline.payments.simulator.journal import CAPTURES, CHARGES, REFUNDS, VOIDS, GroupCommit, Journal

Handler = Callable[[Request], Awaitable[Response]]


class Simulator:
    """One account at the gateway: simulated outcomes, a journal, and the faults to inject.

    Args:
        events: sends events of the gateway.
    """

    def __init__(
        self, outcomes: SimulatedGateway, journal: Journal, plan: FaultPlan, api_key: str, events: EventSender
    ) -> None:
        self._dice = FaultDice(plan)
        self._api_key = api_key
        self._journal = journal
        self._events = events
        commits = GroupCommit(journal)
        locks = Locks()
        self._endpoints = {
            f"/v1/{table}": Endpoint(table, outcomes, journal, commits, self._dice, locks)
            for table in (CHARGES, CAPTURES, VOIDS, REFUNDS)
        }

    def app(self) -> Starlette:
        """Returns the endpoints as an ASGI application."""
        routes = [
            Route("/control/faults", _local_only(self.show_faults), methods=["GET"]),
            Route("/control/faults", _local_only(self.set_faults), methods=["PUT"]),
            Route("/control/events", _local_only(self.make_event), methods=["POST"]),
        ]
        for path, endpoint in self._endpoints.items():
            routes += [
                Route(path, self._with_key(endpoint.create), methods=["POST"]),
                Route(path, self._with_key(endpoint.list_entries), methods=["GET"]),
            ]
        return Starlette(routes=routes)

    async def show_faults(self, _request: Request) -> Response:
        """Shows the fault plan and how often each fault was injected."""
        plan = self._dice.plan.model_dump(mode="json")
        return JSONResponse({"plan": plan, "injected": dict(self._dice.injected)})

    async def set_faults(self, request: Request) -> Response:
        """Replaces the fault plan."""
        try:
            self._dice.replace(FaultPlan.model_validate_json(await request.body()))
        except ValidationError as invalid:
            return answers.refused("parameter_invalid", str(invalid))
        return await self.show_faults(request)

    async def make_event(self, request: Request) -> Response:
        """Makes a refund fail late, or a charge be disputed, and sends the event."""
        try:
            wanted = EventRequest.model_validate_json(await request.body())
        except ValidationError as invalid:
            return answers.refused("parameter_invalid", str(invalid))
        data = self._happened(wanted)
        if data is None:
            return answers.refused("resource_missing", f"No such transaction: {wanted.transaction_id}")
        return JSONResponse(await self._events.send(wanted.type, data))

    def _happened(self, wanted: EventRequest) -> dict[str, Any] | None:
        if not wanted.type.is_of_refund:
            charge = self._journal.charge(wanted.transaction_id)
            return dispute_of(charge, wanted) if charge else None
        if wanted.type is EventType.REFUND_FAILED:
            self._journal.fail_late(wanted.transaction_id, wanted.reason or "account_closed")
        refund = self._journal.refund(wanted.transaction_id)
        return answers.document(refund) if refund else None

    def _with_key(self, handler: Handler) -> Handler:
        async def checked(request: Request) -> Response:
            given = request.headers.get("Authorization", "").removeprefix("Bearer ")
            if self._api_key and not secrets.compare_digest(given.encode(), self._api_key.encode()):
                return answers.error(401, "invalid_request_error", "api_key_invalid", "Invalid API key.")
            return await handler(request)

        return checked


def _local_only(handler: Handler) -> Handler:
    async def checked(request: Request) -> Response:
        if request.client is None or not ip_address(request.client.host).is_loopback:
            message = "The simulator can only be controlled from this machine."
            return answers.error(403, "invalid_request_error", "not_local", message)
        return await handler(request)

    return checked
