"""Uploads a product list, shows its changes, and imports it after confirmation."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter
from starlette.datastructures import FormData, UploadFile
from starlette.responses import Response

from orders_pipeline.access.audit import record_action
from orders_pipeline.api.bodies import KeyBeforeBody
from orders_pipeline.api.callers.access import Caller, Operator
from orders_pipeline.api.protocol.errors import Refused
from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.console.pages.actions import Form
from orders_pipeline.console.rendering.rendering import Shown
from orders_pipeline.console.texts import texts
from orders_pipeline.stock.list_changes import changes_of
from orders_pipeline.stock.product_list import ProductImport, ProductRow, import_products, products_in
from orders_pipeline.store.engine import reading

router = APIRouter(prefix="/actions/price-list", route_class=KeyBeforeBody)
MOST_SHOWN = 50


@router.get("")
def choose(view: Shown, _caller: Operator) -> Response:
    """Shows the form for the file."""
    return view.page("price_list.html", "products", step="choose")


@router.post("")
def send(view: Shown, caller: Operator, form: Form) -> Response:
    """Shows what a list would change, and imports it after confirmation."""
    name, content = _file(form)
    try:
        rows = products_in(content, name)
    except FileRefused as refused:
        raise Refused(422, f"{refused.message} {refused.hint}") from None
    if form.get("step") == "do":
        return view.page("price_list.html", "products", step="done", counts=_import(view, caller, name, rows))
    with reading(view.context.engine) as connection:
        changes = changes_of(connection, rows)
    return view.page(
        "price_list.html",
        "products",
        step="preview",
        name=name,
        content=content.decode("utf-8-sig"),
        products=len(rows),
        added=sum(change.before is None for change in changes),
        changed=sum(change.before is not None for change in changes),
        changes=changes[:MOST_SHOWN],
    )


def _import(view: Shown, caller: Caller, name: str, rows: list[ProductRow]) -> ProductImport:
    with view.context.engine.begin() as connection:
        done = import_products(connection, rows)
        record_action(connection, caller.actor, "products.import", name, **asdict(done))
    return done


def _file(form: FormData) -> tuple[str, bytes]:
    """Returns the name and content of the uploaded file, or of the text that the preview sends back.

    Raises:
        Refused: 422, there is no file.
    """
    sent = form.get("file")
    if isinstance(sent, UploadFile) and sent.filename:
        return sent.filename, sent.file.read()
    if text := form.get("content"):
        return str(form.get("name") or ""), str(text).encode()
    raise Refused(422, texts().price_list.no_file)
