"""Order files and their rejects, and the history of one order."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from sqlalchemy import Connection
from starlette.responses import Response

from orders_pipeline.api.context import Context
from orders_pipeline.api.exported import FILE, EscapeFormulas, table_file
from orders_pipeline.api.models.responses import Answer, Failure, Import, Order, Reject, Responses
from orders_pipeline.api.protocol.answers import answer
from orders_pipeline.api.protocol.errors import Refused
from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.exports.formats.file_format import FileFormat
from orders_pipeline.exports.results import RESULTS, result_rows
from orders_pipeline.imports.import_row import Import as StoredImport
from orders_pipeline.imports.import_row import find_import, list_imports, seconds_to_settle
from orders_pipeline.imports.results.reject_export import require_rejects
from orders_pipeline.imports.results.report import rejects_of, report_import
from orders_pipeline.imports.state.progress import progress_of
from orders_pipeline.lifecycle.story import find_orders
from orders_pipeline.store.engine import reading

router = APIRouter(tags=["orders"])
NO_SUCH_FILE: Responses = {404: {"model": Failure, "description": "No such order file."}}
REMOVED: Responses = {
    410: {"model": Failure, "description": "The rejects were deleted because of their age."}
}
NO_SUCH_ORDER: Responses = {404: {"model": Failure, "description": "No such order."}}
Number = Annotated[int, Query(ge=1, le=1000, description="How many, at most.")]
LARGEST_OFFSET = 2**53


@router.get("/imports", response_model=Answer[list[Import]])
def imports(request: Request, context: Context, limit: Number = 20) -> Response:
    """Order files with their counts and progress, the newest first."""
    with reading(context.engine) as connection:
        return answer(
            request, [import_document(connection, found) for found in list_imports(connection, limit)]
        )


@router.get("/imports/{key}", response_model=Answer[Import], responses=NO_SUCH_FILE)
def one_import(request: Request, context: Context, key: str) -> Response:
    """An order file with its counts and progress."""
    with reading(context.engine) as connection:
        return answer(request, import_document(connection, _known(connection, key)))


@router.get(
    "/imports/{key}/rejects", response_model=Answer[list[Reject]], responses={**NO_SUCH_FILE, **REMOVED}
)
def rejects(
    request: Request,
    context: Context,
    key: str,
    limit: Number = 100,
    offset: Annotated[int, Query(ge=0, le=LARGEST_OFFSET, description="Number of rows to skip.")] = 0,
) -> Response:
    """Rejected lines of a file with position, reason code and hint, in file order."""
    with reading(context.engine) as connection:
        found = rejects_of(connection, _with_rejects(connection, key).id, limit, offset)
    return answer(request, [{name: row[name] for name in row if name != "import_id"} for row in found])


@router.get("/imports/{key}/results", response_class=Response, responses={**FILE, **NO_SUCH_FILE, **REMOVED})
def results(
    context: Context,
    key: str,
    file_format: Annotated[
        FileFormat, Query(alias="format", description="Format of the file.")
    ] = FileFormat.CSV,
    escape_formulas: EscapeFormulas = False,
) -> Response:
    """The outcome of each order of a file, as a file with a row for each order."""
    with reading(context.engine) as connection:
        found = _with_rejects(connection, key)
    return table_file(
        context,
        f"{found.key}.results",
        file_format,
        RESULTS,
        lambda connection: result_rows(connection, found),
        escape_formulas=escape_formulas,
    )


@router.get("/orders/{number:path}", response_model=Answer[list[Order]], responses=NO_SUCH_ORDER)
def orders(
    request: Request,
    context: Context,
    number: str,
    source: Annotated[
        str | None, Query(description="Source of the order, if several sources have this number.")
    ] = None,
) -> Response:
    """History of the orders with a number, one per source, with payments, refunds, events and notices."""
    with reading(context.engine) as connection:
        stories = find_orders(connection, number, source)
    if not stories:
        raise Refused(404, "There is no such order.")
    return answer(request, stories)


def _known(connection: Connection, key: str) -> StoredImport:
    found = find_import(connection, key)
    if found is None:
        raise Refused(404, "There is no such order file.")
    return found


def _with_rejects(connection: Connection, key: str) -> StoredImport:
    found = _known(connection, key)
    try:
        require_rejects(found)
    except FileRefused as removed:
        raise Refused(410, str(removed)) from None
    return found


def import_document(connection: Connection, found: StoredImport) -> dict[str, Any]:
    """The counts and progress of an order file."""
    report = asdict(report_import(connection, found, seconds_to_settle(found)))
    progress = asdict(progress_of(connection, found.id))
    return {**report, "status": found.status, "refused_because": found.refused_because, "progress": progress}
