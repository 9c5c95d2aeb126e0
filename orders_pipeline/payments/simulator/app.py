"""The gateway simulator's endpoints: charges with idempotency keys like Stripe's, and fault injection."""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import unquote

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from orders_pipeline.base.clock import now_us
from orders_pipeline.payments.backends.simulated import SimulatedGateway
from orders_pipeline.payments.gateway import Charge, Declined, Paid
from orders_pipeline.payments.simulator import answers
from orders_pipeline.payments.simulator.connection import hang_up, keep_waiting, trickled
from orders_pipeline.payments.simulator.faults import Fault, FaultDice, FaultPlan
from orders_pipeline.payments.simulator.journal import GroupCommit, Journal, JournaledCharge

Endpoint = Callable[[Request], Awaitable[Response]]
KEY_LENGTH = 255
PAGE = 1_000


class ChargeRequest(BaseModel):
    """Body of a charge request; the amount is in the currency's minor unit."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    amount: Annotated[int, Field(ge=0, lt=2**63)]
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    reference: Annotated[str, Field(min_length=1)]


class Simulator:
    """One account at the gateway: simulated outcomes, a journal, and the faults to inject."""

    def __init__(self, outcomes: SimulatedGateway, journal: Journal, plan: FaultPlan, api_key: str) -> None:
        self._outcomes = outcomes
        self._journal = journal
        self._commits = GroupCommit(journal)
        self._dice = FaultDice(plan)
        self._api_key = api_key
        self._in_progress: dict[str, ChargeRequest] = {}

    def app(self) -> Starlette:
        """Returns the endpoints as an ASGI application."""
        return Starlette(
            routes=[
                Route("/v1/charges", self._with_key(self.create), methods=["POST"]),
                Route("/v1/charges", self._with_key(self.list_charges), methods=["GET"]),
                Route("/control/faults", _local_only(self.show_faults), methods=["GET"]),
                Route("/control/faults", _local_only(self.set_faults), methods=["PUT"]),
            ]
        )

    async def create(self, request: Request) -> Response:
        """Charges once for each idempotency key; a repetition gets the first response."""
        key = request.headers.get("Idempotency-Key", "")
        if not 0 < len(key) <= KEY_LENGTH:
            return _invalid(f"Idempotency-Key must have 1 to {KEY_LENGTH} characters.")
        try:
            wanted = ChargeRequest.model_validate_json(await request.body())
        except ValidationError as invalid:
            return _invalid(str(invalid))
        fault = self._dice.throw(key)
        if early := await self._fail_before(request, fault):
            return early
        if key in self._in_progress:
            message = "There is another request in progress with this idempotency key."
            return answers.error(409, "idempotency_error", "idempotency_key_in_use", message)
        return await self._charge_once(request, key, wanted, fault)

    async def list_charges(self, request: Request) -> Response:
        """Lists a page of the journal (`starting_after`, `limit`) or the charge with an `idempotency_key`."""
        query = request.query_params
        if key := query.get("idempotency_key"):
            return self._look_up(key)
        after, limit = query.get("starting_after", "ch_0").removeprefix("ch_"), query.get("limit", "100")
        if not (_is_number(after) and _is_number(limit) and 1 <= int(limit) <= PAGE):
            return _invalid(f"starting_after must be the id of a charge, limit a number from 1 to {PAGE}.")
        found = await asyncio.to_thread(self._journal.page, int(after), int(limit) + 1)
        return answers.page_of(found, int(limit))

    async def show_faults(self, _request: Request) -> Response:
        """Shows the fault plan and how often each fault was injected."""
        plan = self._dice.plan.model_dump(mode="json")
        return JSONResponse({"plan": plan, "injected": dict(self._dice.injected)})

    async def set_faults(self, request: Request) -> Response:
        """Replaces the fault plan."""
        try:
            self._dice.replace(FaultPlan.model_validate_json(await request.body()))
        except ValidationError as invalid:
            return _invalid(str(invalid))
        return await self.show_faults(request)

    async def _fail_before(self, request: Request, fault: Fault | None) -> Response | None:
        plan = self._dice.plan
        match fault:
            case Fault.RATE_LIMITED:
                self._dice.note(fault)
                return answers.rate_limited(plan.retry_after_seconds, plan.retry_after_as_date)
            case Fault.ERROR_BEFORE:
                self._dice.note(fault)
                return answers.error(500, "api_error", "api_error", "Something went wrong.")
            case Fault.RESET_BEFORE:
                self._dice.note(fault)
                return hang_up(request)
            case Fault.MAINTENANCE_PAGE:
                self._dice.note(fault)
                return answers.maintenance_page()
            case Fault.SLOW:
                self._dice.note(fault)
                await asyncio.sleep(plan.slow_seconds)
        return None

    async def _charge_once(
        self, request: Request, key: str, wanted: ChargeRequest, fault: Fault | None
    ) -> Response:
        if stored := self._journal.find(key):
            if _parameters(stored) != wanted:
                return _other_parameters(key)
            return await self._answer(request, stored, fault, replayed=True)
        self._in_progress[key] = wanted
        try:
            charge = await self._execute(key, wanted, fault)
        except sqlite3.Error as failure:
            return answers.error(500, "api_error", "api_error", f"The journal cannot be written: {failure}")
        finally:
            del self._in_progress[key]
        return await self._answer(request, charge, fault, replayed=False)

    async def _execute(self, key: str, wanted: ChargeRequest, fault: Fault | None) -> JournaledCharge:
        charge = Charge(0, 0, unquote(key), wanted.amount, wanted.currency)
        await asyncio.sleep(self._outcomes.delay_of(charge))
        outcome = self._outcomes.outcome_of(charge)
        late = fault is Fault.LATE_SUCCESS and isinstance(outcome, Paid)
        known_at = now_us() + round(self._dice.plan.late_seconds * 1e6) * late
        row = JournaledCharge(
            number=0,
            idempotency_key=key,
            reference=wanted.reference,
            amount=wanted.amount,
            currency=wanted.currency,
            transaction_id=outcome.transaction_id if isinstance(outcome, Paid) else None,
            decline_reason=outcome.reason if isinstance(outcome, Declined) else None,
            first_answer=_first_answer(outcome, fault, late),
            known_at=known_at,
        )
        await self._commits.write(row)
        if fault is Fault.ERROR_AFTER or (fault is Fault.LATE_SUCCESS and late):
            self._dice.note(fault)
        stored = self._journal.find(key)
        return stored or row

    async def _answer(
        self, request: Request, charge: JournaledCharge, fault: Fault | None, replayed: bool
    ) -> Response:
        if fault in (Fault.RESET_AFTER, Fault.TIMEOUT_AFTER):
            self._dice.note(fault)
            if fault is Fault.TIMEOUT_AFTER:
                await keep_waiting(request, self._dice.plan.hang_seconds)
            return hang_up(request)
        answer = answers.first_answer(charge, replayed)
        if fault is Fault.TRICKLE_AFTER:
            self._dice.note(fault)
            return trickled(answer, self._dice.plan.trickle_seconds)
        return answer

    def _look_up(self, key: str) -> Response:
        if wanted := self._in_progress.get(key):
            row = JournaledCharge(0, key, wanted.reference, wanted.amount, wanted.currency, None, None, 0, 0)
            return JSONResponse(
                {"object": "list", "data": [answers.charge_object(row, "pending")], "has_more": False}
            )
        stored = self._journal.find(key)
        return answers.page_of([stored] if stored else [], 1)

    def _with_key(self, endpoint: Endpoint) -> Endpoint:
        async def checked(request: Request) -> Response:
            given = request.headers.get("Authorization", "").removeprefix("Bearer ")
            if self._api_key and not secrets.compare_digest(given.encode(), self._api_key.encode()):
                return answers.error(401, "invalid_request_error", "api_key_invalid", "Invalid API key.")
            return await endpoint(request)

        return checked


def _first_answer(outcome: Paid | Declined, fault: Fault | None, late: bool) -> int:
    if fault is Fault.ERROR_AFTER:
        return answers.SERVER_ERROR
    if late:
        return answers.ACCEPTED
    return answers.OK if isinstance(outcome, Paid) else answers.PAYMENT_REQUIRED


def _local_only(endpoint: Endpoint) -> Endpoint:
    async def checked(request: Request) -> Response:
        if request.client is None or not ip_address(request.client.host).is_loopback:
            message = "Faults can be set only from this machine."
            return answers.error(403, "invalid_request_error", "not_local", message)
        return await endpoint(request)

    return checked


def _parameters(charge: JournaledCharge) -> ChargeRequest:
    return ChargeRequest(amount=charge.amount, currency=charge.currency, reference=charge.reference)


def _other_parameters(key: str) -> Response:
    message = (
        "Keys for idempotent requests can only be used with the same parameters they were first used with. "
        f"Try using a key other than '{key}' if you meant to execute a different request."
    )
    return answers.error(400, "idempotency_error", "idempotency_error", message)


def _invalid(message: str) -> Response:
    return answers.error(400, "invalid_request_error", "parameter_invalid", message)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18
