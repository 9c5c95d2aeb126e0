"""Files of the inbox that cannot be imported, and the actions on them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import APIRouter, Query, Request
from sqlalchemy import Connection
from starlette.responses import Response

from orders_pipeline.api.bodies import KeyBeforeBody
from orders_pipeline.api.callers.access import REFUSALS, Operator
from orders_pipeline.api.context import ApiContext, Context
from orders_pipeline.api.models.actions import NO_JSON, Dismiss, RetryFiles
from orders_pipeline.api.models.responses import Answer, Failure, QuarantinedFile, Responses
from orders_pipeline.api.protocol.answers import answer, done
from orders_pipeline.api.protocol.errors import Refused
from orders_pipeline.failed_work.dismiss import NotRefusedError, dismiss_imports, require_refused
from orders_pipeline.imports.arrival.quarantine import (
    NotInQuarantineError,
    ask_to_retry,
    dismiss_files,
    find_quarantined,
    list_quarantined,
    quarantine_document,
    require_open,
)
from orders_pipeline.imports.arrival.saved_profiles import is_profile_name
from orders_pipeline.imports.import_row import UnknownPartitionError
from orders_pipeline.store.engine import reading

router = APIRouter(prefix="/quarantine", tags=["failed work"], route_class=KeyBeforeBody)
LARGEST_OFFSET = 2**53
ACTING: Responses = {
    **NO_JSON,
    **REFUSALS,
    404: {"model": Failure, "description": "No such file in quarantine, or no such import."},
}


@router.get("", response_model=Answer[list[QuarantinedFile]])
def quarantine(
    request: Request,
    context: Context,
    closed: Annotated[bool, Query(description="Include files that were dismissed or retried.")] = False,
    limit: Annotated[int, Query(ge=1, le=1000, description="How many, at most.")] = 100,
    offset: Annotated[int, Query(ge=0, le=LARGEST_OFFSET, description="Number of files to skip.")] = 0,
) -> Response:
    """Files of the inbox that cannot be imported, the newest first, each with its reason and what to do."""
    with reading(context.engine) as connection:
        found = list_quarantined(connection, limit, offset, closed=closed)
    return answer(request, [quarantine_document(file) for file in found])


@router.post("/retry", response_model=Answer[list[QuarantinedFile]], responses=ACTING)
def retry_quarantined(context: Context, caller: Operator, choice: RetryFiles) -> Response:
    """Tries files in quarantine again. A running `orders up` stages and imports them within seconds."""
    read_as = {"profile": choice.profile} if choice.profile else {}
    with _changing(context) as connection:
        if choice.profile is not None and not is_profile_name(connection, choice.profile):
            raise Refused(422, f"profile: there is no profile {choice.profile!r}")
        ask_to_retry(connection, choice.ids, read_as, caller.actor)
        found = find_quarantined(connection, choice.ids)
    return done([quarantine_document(file) for file in found])


@router.post("/dismiss", response_model=Answer[list[QuarantinedFile]], responses=ACTING)
def dismiss_quarantined(context: Context, caller: Operator, choice: Dismiss) -> Response:
    """Dismisses files in quarantine and refused imports: they are no longer listed as failed."""
    _require_any(choice)
    with _changing(context) as connection:
        dismiss_files(connection, choice.ids, caller.actor, choice.because)
        dismiss_imports(connection, choice.imports, caller.actor, choice.because)
        found = find_quarantined(connection, choice.ids)
    return done([quarantine_document(file) for file in found])


def require_open_files(connection: Connection, choice: RetryFiles | Dismiss) -> None:
    """Refuses a choice that names a file that is not in quarantine, or an import that was not refused."""
    with _refusing():
        require_open(connection, choice.ids)
        if isinstance(choice, Dismiss):
            _require_any(choice)
            for key in choice.imports:
                require_refused(connection, key)


def _require_any(choice: Dismiss) -> None:
    if not (choice.ids or choice.imports):
        raise Refused(422, "Name files by `ids`, or refused imports by `imports`.")


@contextmanager
def _changing(context: ApiContext) -> Iterator[Connection]:
    with _refusing(), context.engine.begin() as connection:
        yield connection


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except NotInQuarantineError as error:
        raise Refused(404, str(error)) from None
    except UnknownPartitionError:
        raise Refused(404, "There is no such order file.") from None
    except NotRefusedError as error:
        raise Refused(422, str(error)) from None
