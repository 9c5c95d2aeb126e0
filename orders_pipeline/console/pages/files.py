"""The pages of order files: the list by state, and one file with progress, outcomes and rejected lines."""

from __future__ import annotations

from typing import Annotated, BinaryIO, Literal

from fastapi import APIRouter, Query
from sqlalchemy import Connection
from starlette.responses import Response

from orders_pipeline.api.endpoints.files import import_document
from orders_pipeline.api.endpoints.quarantine import LARGEST_OFFSET
from orders_pipeline.api.exported import whole_file
from orders_pipeline.api.protocol.errors import Refused
from orders_pipeline.base.model import ImportStatus
from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.base.text.numbers import number
from orders_pipeline.console.now.file_work import file_at_work, files_at_work, in_list
from orders_pipeline.console.page_data.reject_cells import ShownReject, shown_rejects
from orders_pipeline.console.rendering.rendering import Shown, View, url
from orders_pipeline.console.texts import texts
from orders_pipeline.exports.formats.file_format import FileFormat
from orders_pipeline.imports.arrival.quarantine import (
    QuarantinedFile,
    count_open,
    list_quarantined,
    quarantine_document,
)
from orders_pipeline.imports.documents import identified_of
from orders_pipeline.imports.import_row import Import, count_imports, find_import, list_imports
from orders_pipeline.imports.results.reject_export import require_rejects, write_rejects
from orders_pipeline.imports.results.report import rejects_of
from orders_pipeline.staging.staging import open_staging
from orders_pipeline.staging.uploads import Upload, uploads_of
from orders_pipeline.store.engine import reading

router = APIRouter()
PAGE = 50
HERE = ("127.0.0.1", "localhost")
QUARANTINED: Literal["quarantined"] = "quarantined"
STATES: tuple[str, ...] = (
    ImportStatus.STAGED,
    ImportStatus.RUNNING,
    ImportStatus.FINISHED,
    ImportStatus.STALLED,
    ImportStatus.REFUSED,
    QUARANTINED,
)
Place = Annotated[int | None, Query(ge=1, le=LARGEST_OFFSET)]


@router.get("/files")
def files(
    view: Shown, state: ImportStatus | Literal["quarantined"] | None = None, cursor: Place = None
) -> Response:
    """Lists order files, newest first: all, those in one state, or those in quarantine."""
    in_quarantine, found, more = list[QuarantinedFile](), list[Import](), None
    with reading(view.context.engine) as connection:
        counts: dict[str, int] = {**count_imports(connection), QUARANTINED: count_open(connection)}
        if state == QUARANTINED:
            in_quarantine = list_quarantined(connection, PAGE + 1, cursor or 0)
            more = (cursor or 0) + PAGE if len(in_quarantine) > PAGE else None
        else:
            found = list_imports(connection, PAGE + 1, ImportStatus(state) if state else None, cursor)
            more = found[PAGE - 1].id if len(found) > PAGE else None
        rows = [in_list(connection, one) for one in found[:PAGE]]
    every = sum(counts.values()) - counts[QUARANTINED]
    return view.page(
        "files.html",
        "files",
        state=state,
        tabs_of=[_tab(None, every, state), *(_tab(one, counts[one], state) for one in STATES)],
        count=counts[state] if state else every,
        rows=rows,
        in_quarantine=[quarantine_document(one) for one in in_quarantine[:PAGE]],
        more=more,
        limit=view.context.settings.upload_limit_mb,
        uploads=_uploads(view),
        running=view.shared.newest("files at work", lambda: files_at_work(view.context)),
    )


def _uploads(view: View) -> list[Upload]:
    if not view.caller or not view.may_operate:
        return []
    return uploads_of(open_staging(view.context.settings), view.caller.actor)


def _tab(state: str | None, count: int, chosen: str | None) -> tuple[str, str, bool]:
    said = texts().files
    text = getattr(said.statuses, state) if state else said.all
    return f"{text} {number(count)}", url("/files", state=state), state == chosen


@router.get("/files/{key}")
def file(view: Shown, key: str, offset: Annotated[int, Query(ge=0, le=LARGEST_OFFSET)] = 0) -> Response:
    """Shows a file: progress, report, outcome of its orders, and a page of its rejected lines."""
    context = view.context
    with reading(context.engine) as connection:
        found = find_import(connection, key)
        if found is None:
            raise Refused(404, "There is no such order file.")
        rejects, removed = list[ShownReject](), ""
        try:
            require_rejects(found)
            rows = rejects_of(connection, found.id, PAGE + 1, offset)
            rejects = shown_rejects(connection, found, rows)
        except FileRefused as refused:
            removed = refused.message
        report = view.shared.newest(f"file {key}", lambda: import_document(connection, found))
    return view.page(
        "file.html",
        "files",
        found=found,
        report=report,
        one=file_at_work(context, key),
        failed=report["statuses"]["failed"] + report["statuses"]["rollback"],
        rejects=rejects[:PAGE],
        removed=removed,
        columns=[(at, name) for at, name in enumerate(identified_of(found).header) if name],
        offset=offset,
        more=offset + PAGE if len(rejects) > PAGE else None,
        formats=list(FileFormat),
        run=_run_url(view, found.run_id),
    )


@router.get("/files/{key}/rejects.csv")
def rejected(view: Shown, key: str) -> Response:
    """Downloads the rejected orders of a file in its own format, with reasons, for correction and upload."""
    context = view.context
    with reading(context.engine) as connection:
        found = find_import(connection, key)
    if found is None:
        raise Refused(404, "There is no such order file.")

    def write(connection: Connection, target: BinaryIO) -> None:
        require_rejects(found)
        write_rejects(connection, open_staging(context.settings), found, target)

    try:
        return whole_file(context, f"{key}.rejects.csv", "application/octet-stream", write)
    except FileRefused as refused:
        raise Refused(410, f"{refused.message} {refused.hint}") from None


def _run_url(view: View, run_id: str | None) -> str | None:
    """Returns the URL of a run's page in Dagster, which is reachable only from this machine."""
    host = view.request.url.hostname
    return (
        f"http://{host}:{view.context.settings.webserver_port}/runs/{run_id}"
        if run_id and host in HERE
        else None
    )
