"""Uploads a provider's report or a bank statement, imports it, and shows the outcome."""

from __future__ import annotations

import shutil

from fastapi import APIRouter
from starlette.datastructures import UploadFile
from starlette.responses import Response

from orders_pipeline.api.bodies import KeyBeforeBody
from orders_pipeline.api.callers.access import Operator
from orders_pipeline.api.endpoints.payouts import import_sent
from orders_pipeline.api.endpoints.uploads import incoming_file
from orders_pipeline.api.protocol.errors import Refused
from orders_pipeline.console.pages.actions import Form
from orders_pipeline.console.rendering.rendering import Shown
from orders_pipeline.console.texts import texts

router = APIRouter(prefix="/actions/payout-file", route_class=KeyBeforeBody)


@router.get("")
def choose(view: Shown, _caller: Operator) -> Response:
    """Shows the form for the file."""
    return view.page("payout_file.html", "orders", done=None)


@router.post("")
def send(view: Shown, caller: Operator, form: Form) -> Response:
    """Imports the file. Importing the same file again changes nothing."""
    sent = form.get("file")
    if not isinstance(sent, UploadFile) or not sent.filename:
        raise Refused(422, texts().payout_file.no_file)
    with incoming_file(view.context) as path:
        with path.open("wb") as file:
            shutil.copyfileobj(sent.file, file)
        try:
            done = import_sent(
                view.context, caller, path, sent.filename, bool(form.get("new_account")), dry=False
            )
        except Refused as refused:
            raise Refused(refused.status, f"{refused.message} {refused.fields.get('hint', '')}") from None
    return view.page("payout_file.html", "orders", done=done)
