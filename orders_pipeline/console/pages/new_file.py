"""The pages of a file before its import: how it is read, columns, first orders, and effect of an import."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter
from starlette.responses import Response

from orders_pipeline.api.bodies import KeyBeforeBody
from orders_pipeline.api.callers.access import Operator
from orders_pipeline.api.endpoints.uploads import stage_sent
from orders_pipeline.api.protocol.errors import Refused
from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.console.page_data.looked_at import (
    SAID,
    look_at_file,
    profile_names,
    said_in,
    tables_of,
    try_file,
)
from orders_pipeline.console.page_data.mapped import MAPPED, draft_of, mapped_instructions, mapped_toml
from orders_pipeline.console.pages.uploads import found_upload
from orders_pipeline.console.rendering.forms import Fields, gone_to, led_to
from orders_pipeline.console.rendering.rendering import Shown, View
from orders_pipeline.console.texts import texts
from orders_pipeline.imports.arrival.saved_profiles import save_profile
from orders_pipeline.order_files.reading_instructions import ReadingInstructions
from orders_pipeline.staging.uploads import Upload, discard_upload
from orders_pipeline.store.engine import reading

router = APIRouter(prefix="/files/new", route_class=KeyBeforeBody)
# A file that is refused with one of these codes can be read after its columns are mapped.
TO_MAP = ("header_missing", "column_missing", "column_ambiguous")


@router.get("/{token}")
def new_file(view: Shown, caller: Operator, token: str) -> Response:
    """Shows how a file is read. If it fits no profile, redirects to the mapping of its columns."""
    upload = whole_upload(view, caller, token)
    query = view.request.query_params
    try:
        looked = look_at_file(view.context, upload.file, said_in(view.context, query))
    except FileRefused as refused:
        if refused.code in TO_MAP and not query.get("profile"):
            return gone_to(f"/files/new/{token}/mapping", **{k: query[k] for k in SAID if query.get(k)})
        return refused_page(view, upload, refused)
    return view.page(
        "new_file.html",
        "files",
        upload=upload,
        document=looked.document,
        columns=looked.columns,
        said=SAID,
        **choices(view, upload),
    )


def whole_upload(view: View, caller: Operator, token: str) -> Upload:
    """Returns a completely uploaded file.

    Raises:
        Refused: 404, there is no such file; 409, a part is missing.
    """
    upload = found_upload(view.context, caller, token)
    if not upload.is_complete:
        raise Refused(409, texts().new_file.incomplete)
    return upload


def refused_page(view: View, upload: Upload, refused: FileRefused) -> Response:
    """Shows why a file cannot be read, with the options that a person can set."""
    return view.page(
        "new_file_refused.html", "files", upload=upload, refused=refused, **choices(view, upload)
    )


def choices(view: View, upload: Upload) -> dict[str, Any]:
    """Returns the choices on the pages of a new file."""
    with reading(view.context.engine) as connection:
        names = profile_names(connection)
    return {"profiles": names, "tables": [(one, one[:60]) for one in tables_of(upload.file)]}


@router.get("/{token}/outcome")
def outcome(view: Shown, caller: Operator, token: str) -> Response:
    """Shows what the import of the whole file would do."""
    upload = whole_upload(view, caller, token)
    report, why = None, ""
    try:
        instructions = _instructions(view, upload, view.request.query_params)
        report = try_file(view.context, upload.file, instructions)
    except FileRefused as refused:
        why = f"{refused.message} {refused.hint}"
    return view.page("new_file_outcome.html", "files", report=report, why=why)


@router.post("/{token}/import")
def import_file(view: Shown, caller: Operator, token: str, fields: Fields) -> Response:
    """Imports a file. If its columns were mapped, saves the mapping first."""
    upload = whole_upload(view, caller, token)
    try:
        instructions = _saved(view, caller, upload, fields)
    except FileRefused as refused:
        raise Refused(422, f"{refused.message} {refused.hint}") from None
    document = stage_sent(view.context, caller, upload.file, upload.name, instructions)
    discard_upload(upload)
    return led_to(view.request, f"/files/{quote(document['partition'], safe='')}")


@router.post("/{token}/discard")
def discard(view: Shown, caller: Operator, token: str) -> Response:
    """Removes a file without importing it."""
    discard_upload(found_upload(view.context, caller, token))
    return gone_to("/files")


def _instructions(view: View, upload: Upload, fields: Mapping[str, str]) -> ReadingInstructions:
    if MAPPED not in fields:
        return said_in(view.context, fields)
    return mapped_instructions(view.context, _toml(view, upload, fields), fields)


def _toml(view: View, upload: Upload, fields: Mapping[str, str]) -> str:
    return mapped_toml(draft_of(view.context, upload, fields), upload, fields)


def _saved(view: View, caller: Operator, upload: Upload, fields: Mapping[str, str]) -> ReadingInstructions:
    instructions = _instructions(view, upload, fields)
    if MAPPED not in fields:
        return instructions
    name, toml = fields.get("name", "").strip().lower(), _toml(view, upload, fields)
    look_at_file(view.context, upload.file, instructions)
    with view.context.engine.begin() as connection:
        saved = save_profile(connection, name, toml, caller.actor, replaces=bool(fields.get("replaces")))
    return replace(instructions, profile=name, saved=saved.profile)
