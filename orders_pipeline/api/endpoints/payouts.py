"""Reports of payment providers and bank statements: sent over HTTP, listed, and their rejected lines."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path as FilePath
from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from orders_pipeline.api.callers.access import Caller, Operator
from orders_pipeline.api.context import ApiContext, Context
from orders_pipeline.api.endpoints.uploads import BODY, SENDING, incoming_file, write_sent
from orders_pipeline.api.models.actions import LARGEST_ID
from orders_pipeline.api.models.responses import Answer, Failure
from orders_pipeline.api.protocol.answers import answer, done
from orders_pipeline.api.protocol.errors import Refused
from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.payouts.files import UnknownPayoutFileError, list_files, list_rejects
from orders_pipeline.payouts.importing import PayoutImport, import_file
from orders_pipeline.payouts.reading import read_file
from orders_pipeline.store.engine import reading

router = APIRouter(prefix="/payouts/files", tags=["payouts"])
Name = Annotated[
    str, Query(min_length=1, max_length=200, pattern=r"^[^\x00]*$", description="Name of the file.")
]
Number = Annotated[int, Path(ge=1, le=LARGEST_ID, description="Number of the file.")]


class ImportedPayouts(BaseModel):
    """The outcome of the lines of a report or statement."""

    file: str = Field(description="Its name.", examples=["payouts.csv"])
    format: str = Field(examples=["stripe"])
    dry_run: bool = Field(description="Whether nothing was changed.")
    records: int = Field(description="Its lines.", examples=[120])
    accepted: int = Field(description="Lines that are new in the store.", examples=[100])
    duplicates: int = Field(description="Lines that the store had.", examples=[20])
    unrelated: int = Field(description="Lines of a statement that name no provider and no payout.")
    rejected: int = Field(description="Lines that could not be read, or contradict the store.")
    rejects_by_code: dict[str, int] = Field(description="Their number by reason.")


class PayoutFile(BaseModel):
    """An imported report or statement. Its lines are counted at its first import."""

    id: int = Field(examples=[3])
    file_name: str = Field(examples=["payouts.csv"])
    format: str = Field(examples=["stripe"])
    provider: str | None = Field(description="Empty for a bank statement.", examples=["stripe"])
    account: str = Field(description="As the file names it.")
    first_at: str | None = Field(description="Time of its first line, or the beginning of the statement.")
    last_at: str | None = Field(description="Time of its last line, or the end of the statement.")
    imported_at: str = Field(examples=["2025-11-12T12:00:00+00:00"])
    imported_by: str = Field(examples=["inbox"])
    records: int = Field(description="Its lines.")
    accepted: int = Field(description="Lines that it added to the store.")
    duplicates: int = Field(description="Lines that the store had.")
    unrelated: int = Field(description="Lines of a statement that name no provider and no payout.")
    rejected: int = Field(description="Lines that could not be read, or contradict the store.")


class RejectedPayoutLine(BaseModel):
    """A rejected line."""

    line: int = Field(examples=[7])
    code: str = Field(examples=["amount_invalid"])
    message: str = Field(description="Why it was rejected.")
    raw: str = Field(description="The line as it is in the file.")


@router.post("", response_model=Answer[ImportedPayouts], responses=SENDING, openapi_extra=BODY)
async def send_payouts(
    request: Request,
    context: Context,
    caller: Operator,
    name: Name,
    new_account: Annotated[
        bool, Query(description="Accept an account that the store does not know yet.")
    ] = False,
    dry_run: Annotated[bool, Query(description="Read and check everything; change nothing.")] = False,
) -> Response:
    """Imports a report of Stripe or Adyen or a bank statement, sent as it is or as a form with one file.

    Each line is stored once, so the same file can be sent again.
    """
    with incoming_file(context) as path:
        await write_sent(request, path)
        sent = await run_sync(lambda: import_sent(context, caller, path, name, new_account, dry_run))
    return done(asdict(sent))


@router.get("", response_model=Answer[list[PayoutFile]])
def payout_files(
    request: Request,
    context: Context,
    limit: Annotated[int, Query(ge=1, le=1000, description="How many, at most.")] = 100,
) -> Response:
    """Imported reports and statements, the newest first."""
    with reading(context.engine) as connection:
        return answer(request, list_files(connection, limit))


@router.get(
    "/{number}/rejects",
    response_model=Answer[list[RejectedPayoutLine]],
    responses={404: {"model": Failure, "description": "No imported file has this number."}},
)
def payout_rejects(request: Request, context: Context, number: Number) -> Response:
    """Rejected lines of a report or statement, with the reasons."""
    return answer(request, rejects_of(context, number))


def rejects_of(context: ApiContext, number: int) -> list[dict[str, Any]]:
    """The rejected lines of a file.

    Raises:
        Refused: 404, no imported file has this number.
    """
    with reading(context.engine) as connection:
        try:
            return list_rejects(connection, number)
        except UnknownPayoutFileError as error:
            raise Refused(404, str(error)) from None


def import_sent(
    context: ApiContext, caller: Caller, path: FilePath, name: str, new_account: bool, dry: bool
) -> PayoutImport:
    """Imports a file that a client has sent.

    Raises:
        Refused: 422, it cannot be read, or is of another account.
    """
    try:
        read = read_file(path, context.settings.zone, None, name=name)
        return import_file(context.engine, read, caller.actor, new_account=new_account, dry=dry)
    except FileRefused as refused:
        raise Refused(422, refused.message, fields={"code": refused.code, "hint": refused.hint}) from None
