"""Uploads files in parts with the core of the protocol tus 1.0 (https://tus.io): uploads can be resumed."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from orders_pipeline.api.bodies import MEBIBYTE
from orders_pipeline.api.callers.access import Caller, Operator
from orders_pipeline.api.context import ApiContext, Context
from orders_pipeline.api.protocol.errors import Refused
from orders_pipeline.console.texts import texts
from orders_pipeline.staging.staging import open_staging
from orders_pipeline.staging.uploads import (
    TooManyUploadsError,
    UnknownUploadError,
    Upload,
    UploadBusyError,
    WrongOffsetError,
    appending,
    begin_upload,
    find_upload,
)

router = APIRouter(prefix="/uploads")
VERSION = {"Tus-Resumable": "1.0.0"}
PART = "application/offset+octet-stream"
LONGEST_NAME = 1000


@router.post("")
def begin(request: Request, context: Context, caller: Operator) -> Response:
    """Starts an upload; the header `Location` in the response is the address for the parts."""
    _require_version(request)
    length = _number(request, "Upload-Length")
    limit = context.settings.upload_limit_mb
    if length > limit * MEBIBYTE:
        raise Refused(413, texts().upload.too_large.format(limit=limit), VERSION)
    if not length:
        raise Refused(422, texts().upload.empty, VERSION)
    try:
        made = begin_upload(open_staging(context.settings), _name(request), length, caller.actor)
    except TooManyUploadsError:
        raise Refused(429, texts().upload.too_many, VERSION) from None
    return Response(status_code=201, headers={**VERSION, "Location": f"/uploads/{made.token}"})


# HEAD is handled like GET, without the body.
@router.get("/{token}")
def look(request: Request, context: Context, caller: Operator, token: str) -> Response:
    """Returns how many bytes have arrived."""
    _require_version(request)
    return _answer(found_upload(context, caller, token), 200)


@router.patch("/{token}")
async def append(request: Request, context: Context, caller: Operator, token: str) -> Response:
    """Adds a part. If the connection breaks, the bytes that have arrived are kept."""
    _require_version(request)
    if request.headers.get("content-type") != PART:
        raise Refused(415, f"A part is sent as {PART}.", VERSION)
    upload = await run_sync(found_upload, context, caller, token)
    with _telling_conflicts(), appending(upload, _number(request, "Upload-Offset")) as file:
        left = upload.length - upload.offset
        try:
            async for chunk in request.stream():
                left -= len(chunk)
                if left < 0:
                    raise Refused(413, texts().upload.longer, VERSION)
                await run_sync(file.write, chunk)
        except ClientDisconnect:
            # The client has disconnected and does not read the response.
            pass
    return _answer(upload, 204)


def found_upload(context: ApiContext, caller: Caller, token: str) -> Upload:
    """Returns an upload of this caller.

    Raises:
        Refused: 404, the caller has no such upload.
    """
    try:
        return find_upload(open_staging(context.settings), token, caller.actor)
    except UnknownUploadError:
        raise Refused(404, texts().upload.unknown, VERSION) from None


@contextmanager
def _telling_conflicts() -> Iterator[None]:
    try:
        yield
    except UploadBusyError:
        raise Refused(423, texts().upload.busy, VERSION) from None
    except WrongOffsetError:
        raise Refused(409, texts().upload.wrong_offset, VERSION) from None


def _answer(upload: Upload, status: int) -> Response:
    numbers = {"Upload-Offset": str(upload.offset), "Upload-Length": str(upload.length)}
    return Response(status_code=status, headers={**VERSION, **numbers, "Cache-Control": "no-store"})


def _require_version(request: Request) -> None:
    if request.headers.get("tus-resumable") != VERSION["Tus-Resumable"]:
        raise Refused(412, texts().upload.version, {**VERSION, "Tus-Version": VERSION["Tus-Resumable"]})


def _number(request: Request, header: str) -> int:
    text = request.headers.get(header, "")
    if not (text.isascii() and text.isdecimal() and len(text) <= 15):
        raise Refused(400, f"{header} must be a number.", VERSION)
    return int(text)


def _name(request: Request) -> str:
    """Returns the name of the file from a header such as `filename b3JkZXJzLmNzdg==`."""
    pairs = (part.strip().partition(" ") for part in request.headers.get("Upload-Metadata", "").split(","))
    encoded = {key: value for key, _, value in pairs}.get("filename", "")
    try:
        name = base64.b64decode(encoded, validate=True).decode()
    except ValueError:
        name = ""
    if not 0 < len(name) <= LONGEST_NAME:
        raise Refused(400, "Upload-Metadata must have the filename in Base64.", VERSION)
    return name
