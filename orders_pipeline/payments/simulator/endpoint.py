"""The endpoint of one table of the journal: idempotency keys like Stripe's, look-ups, and injected faults."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import AbstractAsyncContextManager, nullcontext
from urllib.parse import unquote
from weakref import WeakValueDictionary

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from orders_pipeline.base.clock import now_us
from orders_pipeline.payments.backends.simulated import SimulatedGateway
from orders_pipeline.payments.simulator import answers
from orders_pipeline.payments.simulator.connection import hang_up, keep_waiting, trickled
from orders_pipeline.payments.simulator.faults import Fault, FaultDice
from orders_pipeline.payments.simulator.journal import Entry, GroupCommit, Journal
from orders_pipeline.payments.simulator.requests import (
    AUTHORIZED,
    BODIES,
    EndRequest,
    MoneyRequest,
    RefundRequest,
    SimulatedEnd,
    end_of,
    pending_entry,
    request_of,
)

# By charge: one request for a charge at a time, so that each sees what those before it left.
Locks = WeakValueDictionary[str, asyncio.Lock]
KEY_LENGTH = 255
PAGE = 1_000


class Endpoint:
    """Makes and lists the entries of one table of the journal.

    A refund is refused if its charge was not captured, or if it would bring the refunds of the charge above
    the captured amount. A capture or void is refused if its charge is not authorized, or not of its amount.

    Args:
        locks: shared by all endpoints of an account.
    """

    def __init__(
        self,
        table: str,
        outcomes: SimulatedGateway,
        journal: Journal,
        commits: GroupCommit,
        dice: FaultDice,
        locks: Locks,
    ) -> None:
        self._table = table
        self._body = BODIES[table]
        self._outcomes = outcomes
        self._journal = journal
        self._commits = commits
        self._dice = dice
        self._in_progress: dict[str, MoneyRequest] = {}
        self._locks = locks

    async def create(self, request: Request) -> Response:
        """Carries a request out once for each idempotency key; a repetition gets the first response."""
        key = request.headers.get("Idempotency-Key", "")
        if not 0 < len(key) <= KEY_LENGTH:
            return _invalid(f"Idempotency-Key must have 1 to {KEY_LENGTH} characters.")
        try:
            wanted = self._body.model_validate_json(await request.body())
        except ValidationError as invalid:
            return _invalid(str(invalid))
        fault = self._dice.throw(key)
        if early := await self._fail_before(request, fault):
            return early
        if key in self._in_progress:
            message = "There is another request in progress with this idempotency key."
            return answers.error(409, "idempotency_error", "idempotency_key_in_use", message)
        return await self._once(request, key, wanted, fault)

    async def list_entries(self, request: Request) -> Response:
        """Lists a page of the journal (`starting_after`, `limit`), all of it or one `reference_prefix`.

        With an `idempotency_key`, it lists what the key made.
        """
        query = request.query_params
        if key := query.get("idempotency_key"):
            return answers.page_of(self._made_by(key), PAGE)
        after, limit = query.get("starting_after", "_0").rpartition("_")[2], query.get("limit", "100")
        if not (_is_number(after) and _is_number(limit) and 1 <= int(limit) <= PAGE):
            return _invalid(f"starting_after must be an id from the list, limit a number from 1 to {PAGE}.")
        if prefix := query.get("reference_prefix"):
            return answers.page_of(self._referring_to(prefix, int(after), int(limit) + 1), int(limit))
        found = await asyncio.to_thread(self._journal.page, self._table, int(after), int(limit) + 1)
        return answers.page_of(found, int(limit))

    async def _fail_before(self, request: Request, fault: Fault | None) -> Response | None:
        plan = self._dice.plan
        match fault:
            case Fault.REFUSE:
                self._dice.note(fault)
                return answers.refused("not_allowed", "This account does not have permission for this.")
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

    async def _once(self, request: Request, key: str, wanted: MoneyRequest, fault: Fault | None) -> Response:
        earlier = self._journal.with_key(self._table, key)
        if earlier and not self._is_forgotten(earlier[-1]):
            if request_of(earlier[-1]) != wanted:
                return _other_parameters(key)
            return await self._answer(request, earlier[-1], fault, replayed=True)
        self._in_progress[key] = wanted
        try:
            async with self._alone(wanted):
                if refused := self._refuse(wanted):
                    return refused
                entry = await self._execute(key, len(earlier), wanted, fault)
        except sqlite3.Error as failure:
            return answers.error(500, "api_error", "api_error", f"The journal cannot be written: {failure}")
        finally:
            del self._in_progress[key]
        return await self._answer(request, entry, fault, replayed=False)

    async def _execute(self, key: str, earlier: int, wanted: MoneyRequest, fault: Fault | None) -> Entry:
        # A request that comes again after its key was forgotten has an outcome of its own.
        end = end_of(self._outcomes, f"{unquote(key)}#{earlier}" if earlier else unquote(key), wanted)
        await asyncio.sleep(end.delay)
        late = fault is Fault.LATE_SUCCESS and end.transaction_id is not None
        entry = pending_entry(key, wanted)._replace(
            transaction_id=end.transaction_id,
            reason=end.reason,
            first_answer=_first_answer(end, fault, late),
            known_at=now_us() + round(self._dice.plan.late_seconds * 1e6) * late,
        )
        await self._commits.write(entry)
        if fault and (late or fault is Fault.ERROR_AFTER):
            self._dice.note(fault)
        return self._journal.with_key(self._table, key)[-1]

    def _alone(self, wanted: MoneyRequest) -> AbstractAsyncContextManager[object]:
        if not isinstance(wanted, EndRequest):
            return nullcontext()
        return self._locks.setdefault(wanted.charge, asyncio.Lock())

    def _refuse(self, wanted: MoneyRequest) -> Response | None:
        if not isinstance(wanted, EndRequest):
            return None
        charge = self._journal.charge(wanted.charge)
        if charge is None or charge.currency != wanted.currency:
            return answers.refused(
                "resource_missing", f"No such charge: {wanted.charge} in {wanted.currency}"
            )
        if not isinstance(wanted, RefundRequest):
            return _not_authorized(charge, wanted)
        if charge.hold not in ("", "captured"):
            return answers.refused("charge_not_captured", f"Charge {wanted.charge} is {charge.hold}.")
        left = charge.amount - self._journal.refunded(wanted.charge)
        if wanted.amount > left:
            message = f"Refund amount ({wanted.amount}) is greater than what is left of the charge ({left})."
            return answers.refused("charge_already_refunded", message)
        return None

    async def _answer(self, request: Request, entry: Entry, fault: Fault | None, replayed: bool) -> Response:
        if fault in (Fault.RESET_AFTER, Fault.TIMEOUT_AFTER):
            self._dice.note(fault)
            if fault is Fault.TIMEOUT_AFTER:
                await keep_waiting(request, self._dice.plan.hang_seconds)
            return hang_up(request)
        answer = answers.first_answer(entry, replayed)
        if fault is Fault.TRICKLE_AFTER:
            self._dice.note(fault)
            return trickled(answer, self._dice.plan.trickle_seconds)
        return answer

    def _made_by(self, key: str) -> list[Entry]:
        if wanted := self._in_progress.get(key):
            return [pending_entry(key, wanted)]
        return [entry for entry in self._journal.with_key(self._table, key) if not self._is_forgotten(entry)]

    def _referring_to(self, prefix: str, after: int, limit: int) -> list[Entry]:
        at_work = [
            pending_entry(key, wanted)
            for key, wanted in self._in_progress.items()
            if not after and wanted.reference.startswith(prefix)
        ]
        return [*at_work, *self._journal.with_prefix(self._table, prefix, after, limit)]

    def _is_forgotten(self, entry: Entry) -> bool:
        seconds = self._dice.plan.forget_keys_after
        return seconds is not None and entry.known_at + round(seconds * 1e6) <= now_us()


def _not_authorized(charge: Entry, wanted: MoneyRequest) -> Response | None:
    if charge.hold != AUTHORIZED:
        stands = charge.hold or "captured"
        return answers.refused(f"charge_already_{stands}", f"Charge {charge.transaction_id} is {stands}.")
    if charge.amount != wanted.amount:
        message = f"The amount ({wanted.amount}) is not that of the charge ({charge.amount})."
        return answers.refused("amount_differs", message)
    return None


def _first_answer(end: SimulatedEnd, fault: Fault | None, late: bool) -> int:
    if fault is Fault.ERROR_AFTER:
        return answers.SERVER_ERROR
    return answers.ACCEPTED if late else end.answer


def _other_parameters(key: str) -> Response:
    message = (
        "Keys for idempotent requests can only be used with the same parameters they were first used with. "
        f"Try using a key other than '{key}' if you meant to execute a different request."
    )
    return answers.error(400, "idempotency_error", "idempotency_error", message)


def _invalid(message: str) -> Response:
    return answers.refused("parameter_invalid", message)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18
