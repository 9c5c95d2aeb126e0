"""Corrections of rejected lines. They are imported at once, like a corrected export of rejects."""

from __future__ import annotations

from pathlib import PurePath
from urllib.parse import quote

from fastapi import APIRouter
from starlette.responses import Response

from orders_pipeline.api.bodies import KeyBeforeBody
from orders_pipeline.api.callers.access import Operator
from orders_pipeline.api.endpoints.uploads import incoming_file, stage_sent
from orders_pipeline.api.protocol.errors import Refused
from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.console.page_data.reject_cells import corrections_in
from orders_pipeline.console.rendering.forms import Fields, led_to
from orders_pipeline.console.rendering.rendering import Shown, View
from orders_pipeline.console.texts import texts
from orders_pipeline.imports.import_row import Import, find_import
from orders_pipeline.imports.results.corrections import Corrections, records_with, write_corrections
from orders_pipeline.imports.results.reject_export import require_rejects
from orders_pipeline.order_files.reading_instructions import NOTHING_SAID
from orders_pipeline.staging.staging import open_staging
from orders_pipeline.store.engine import reading

router = APIRouter(prefix="/files", route_class=KeyBeforeBody)


@router.post("/{key}/rejects")
def correct(view: Shown, caller: Operator, key: str, fields: Fields) -> Response:
    """Imports the orders whose lines were corrected on the page of a file."""
    found = _found(view, key)
    with reading(view.context.engine) as connection:
        corrections = corrections_in(connection, found, fields)
    return _imported(view, caller, found, corrections)


@router.post("/{key}/rejects/all")
def correct_all(view: Shown, caller: Operator, key: str, fields: Fields) -> Response:
    """Sets a column to a value in all lines with a reason, and imports their orders."""
    found, column = _found(view, key), fields.get("column", "")
    if not (column.isascii() and column.isdecimal() and len(column) < 6):
        raise Refused(422, texts().rejects.no_column)
    with reading(view.context.engine) as connection:
        records = records_with(connection, found.id, fields.get("code", ""))
    value = {int(column): fields.get("value", "")}
    return _imported(view, caller, found, Corrections(cells=dict.fromkeys(records, value)))


def _found(view: View, key: str) -> Import:
    with reading(view.context.engine) as connection:
        found = find_import(connection, key)
    if found is None:
        raise Refused(404, texts().rejects.no_file)
    try:
        require_rejects(found)
    except FileRefused as removed:
        raise Refused(410, f"{removed.message} {removed.hint}") from None
    return found


def _imported(view: View, caller: Operator, found: Import, corrections: Corrections) -> Response:
    if not corrections.records:
        raise Refused(422, texts().rejects.nothing)
    context = view.context
    with incoming_file(context) as path:
        try:
            with reading(context.engine) as connection, path.open("wb") as target:
                write_corrections(connection, open_staging(context.settings), found, corrections, target)
        except FileRefused as refused:
            raise Refused(422, f"{refused.message} {refused.hint}") from None
        name = f"{PurePath(found.file_name).stem}.corrected.csv"
        document = stage_sent(context, caller, path, name, NOTHING_SAID)
    return led_to(view.request, f"/files/{quote(document['partition'], safe='')}")
