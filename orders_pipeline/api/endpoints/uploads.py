"""Order files that are sent over HTTP: staged at once, and imported like files of the inbox."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request
from pydantic import ValidationError
from starlette.datastructures import UploadFile
from starlette.responses import Response

from orders_pipeline.access.audit import record_action
from orders_pipeline.api.bodies import MEBIBYTE
from orders_pipeline.api.callers.access import REFUSALS, Caller, Operator
from orders_pipeline.api.context import ApiContext, Context
from orders_pipeline.api.endpoints.files import import_document
from orders_pipeline.api.models.responses import Answer, Failure, Import, Refusal, Responses
from orders_pipeline.api.protocol.answers import done
from orders_pipeline.api.protocol.errors import Refused
from orders_pipeline.api.protocol.problems import explained
from orders_pipeline.base.files.home import make_home
from orders_pipeline.base.launch_socket import LauncherAbsentError, LaunchSocket
from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.imports.arrival.saved_profiles import is_profile_name
from orders_pipeline.imports.arrival.staged import Dropped, stage_file
from orders_pipeline.imports.import_row import get_import
from orders_pipeline.order_files.reading_instructions import (
    ReadingInstructions,
    all_options,
    instructions_from,
)
from orders_pipeline.staging.staging import open_staging
from orders_pipeline.store.engine import reading

router = APIRouter(tags=["orders"])
# A client must not name paths on this machine.
PATHS = ("companion",)
MULTIPART = "multipart/form-data"
BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            MULTIPART: {
                "schema": {
                    "type": "object",
                    "properties": {"file": {"type": "string", "format": "binary"}},
                    "required": ["file"],
                }
            },
        },
    }
}
SENDING: Responses = {
    **REFUSALS,
    400: {"model": Failure, "description": "The form cannot be read."},
    413: {"model": Failure, "description": "The file is larger than ORDERS_UPLOAD_LIMIT_MB."},
    422: {
        "model": Refusal | Failure,
        "description": "No usable order file was sent, or a parameter is invalid.",
    },
}
Text = Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")]


@router.post("/files", status_code=202, response_model=Answer[Import], responses=SENDING, openapi_extra=BODY)
async def send_file(
    request: Request,
    context: Context,
    caller: Operator,
    name: Annotated[
        str, Query(min_length=1, max_length=200, pattern=r"^[^\x00]*$", description="Name of the file.")
    ],
    profile: Text = None,
    source: Text = None,
    options: Annotated[
        str | None,
        Query(max_length=4000, description='How to read it, as JSON: `{"date_format": "DMY"}`.'),
    ] = None,
) -> Response:
    """Stages an order file, sent as it is or as a form with one file, and imports it; names its partition."""
    instructions = _instructions(profile, source, options)
    await run_sync(_require_profile, context, profile)
    with incoming_file(context) as path:
        await write_sent(request, path)
        document = await run_sync(stage_sent, context, caller, path, name, instructions)
    return done(document, 202)


def _require_profile(context: ApiContext, profile: str | None) -> None:
    with reading(context.engine) as connection:
        if profile and not is_profile_name(connection, profile):
            raise Refused(422, f"profile: there is no profile {profile!r}")


def _instructions(profile: str | None, source: str | None, options: str | None) -> ReadingInstructions:
    """Checks how the file is to be read.

    Raises:
        Refused: 422, an option is unknown.
    """
    said = _options(options) if options else {}
    try:
        return instructions_from({**said, "profile": profile, "source": source})
    except ValidationError as error:
        raise Refused(422, f"options: {explained(error.errors())}") from None
    except (TypeError, ValueError) as error:
        raise Refused(422, f"options: {error}") from None


def _options(text: str) -> dict[str, Any]:
    try:
        said = json.loads(text)
    except ValueError:
        raise Refused(422, "options: this is no JSON") from None
    known = {one.name: one for one in all_options() if one.name not in (*PATHS, "profile", "source")}
    if not isinstance(said, dict):
        raise Refused(422, "options: this is not a JSON object")
    for name, value in said.items():
        if name not in known:
            raise Refused(422, f"options: there is no option {name!r}")
        wanted: type = int if known[name].is_number else str
        if not isinstance(value, wanted) or isinstance(value, bool):
            raise Refused(422, f"options: {name} must be a {'number' if wanted is int else 'text'}")
    return said


@contextmanager
def incoming_file(context: ApiContext) -> Iterator[Path]:
    """Yields the path of a private file for a body, which is removed at the end."""
    folder = open_staging(context.settings).folder
    make_home(folder.parent)
    folder.mkdir(exist_ok=True)
    # Retention removes what a killed process left under such a name.
    path = folder / f".incoming-{uuid4().hex}"
    path.touch(mode=0o600)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


async def write_sent(request: Request, path: Path) -> None:
    """Writes the file that a request sends, as it is or as a form with one file.

    Raises:
        Refused: 422, the file is empty, or the form has none.
    """
    with path.open("wb") as file:
        received = 0
        async for chunk in _content(request):
            received += len(chunk)
            await run_sync(file.write, chunk)
    if not received:
        raise Refused(422, "The file is empty.")


async def _content(request: Request) -> AsyncIterator[bytes]:
    if not request.headers.get("content-type", "").startswith(MULTIPART):
        async for chunk in request.stream():
            yield chunk
        return
    async with request.form(max_files=1, max_fields=10) as form:
        sent = next((part for part in form.values() if isinstance(part, UploadFile)), None)
        if sent is None:
            raise Refused(422, "The form has no file.")
        while chunk := await sent.read(MEBIBYTE):
            yield chunk


def stage_sent(
    context: ApiContext, caller: Caller, path: Path, name: str, instructions: ReadingInstructions
) -> dict[str, Any]:
    """Stages a file that a client has sent, and requests its import.

    Raises:
        Refused: 422, it cannot be read with these instructions.
    """
    dropped = Dropped(time.time_ns(), name)
    try:
        staged = stage_file(
            context.engine, open_staging(context.settings), path, instructions, dropped=dropped
        )
    except FileRefused as refused:
        raise Refused(422, refused.message, fields={"code": refused.code, "hint": refused.hint}) from None
    with context.engine.begin() as connection:
        record_action(connection, caller.actor, "files.send", staged.key)
        document = import_document(connection, get_import(connection, staged.key))
    # Without an answer, a sensor launches it.
    with suppress(LauncherAbsentError):
        LaunchSocket(context.settings.home / "run").wake([staged.key])
    return document
