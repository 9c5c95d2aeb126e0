"""Leaderboards of all time and over a range of days, a customer's rank, and the rebuild."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response

from orders_pipeline.access.audit import record_action
from orders_pipeline.api.callers.access import REFUSALS, Operator
from orders_pipeline.api.context import Context, Currency, Limit, Period
from orders_pipeline.api.models.responses import (
    Answer,
    CustomerPlace,
    Failure,
    ProductPlace,
    Rebuilt,
    Responses,
)
from orders_pipeline.api.protocol.answers import answer
from orders_pipeline.api.protocol.errors import Refused
from orders_pipeline.figures.leaderboards.boards import Board
from orders_pipeline.figures.leaderboards.range_boards import ProductOrder

router = APIRouter(prefix="/leaderboard", tags=["leaderboards"])
FIRST_PLACES = 10
NOT_ON_BOARD: Responses = {404: {"model": Failure, "description": "Not on the leaderboard."}}
EachSide = Annotated[int, Query(ge=0, le=100, description="Places above and below.")]


@router.get("/customers", response_model=Answer[list[CustomerPlace]])
def customers(request: Request, context: Context, currency: Currency, limit: Limit = 10) -> Response:
    """Customers ranked by spending on completed orders, of all time."""
    return answer(request, context.figures.boards.top(Board.CUSTOMERS, limit, currency))


@router.get("/products", response_model=Answer[list[ProductPlace]])
def products(request: Request, context: Context, currency: Currency, limit: Limit = 10) -> Response:
    """Products ranked by units sold in completed orders, of all time."""
    return answer(request, context.figures.boards.top(Board.PRODUCTS, limit, currency))


@router.get("/customers/range", response_model=Answer[list[CustomerPlace]])
def customers_of_range(
    request: Request, context: Context, currency: Currency, period: Period, limit: Limit = 10
) -> Response:
    """Customers ranked by spending over a range of days, both ends included."""
    return answer(request, context.figures.range_boards.customers(*period, limit, currency))


@router.get("/products/range", response_model=Answer[list[ProductPlace]])
def products_of_range(
    request: Request,
    context: Context,
    currency: Currency,
    period: Period,
    limit: Limit = 10,
    by: ProductOrder = ProductOrder.UNITS,
) -> Response:
    """Products ranked by units or revenue over a range of days, both ends included."""
    return answer(request, context.figures.range_boards.products(*period, limit, currency, by))


@router.get(
    "/customers/{customer_id:path}/rank", response_model=Answer[CustomerPlace], responses=NOT_ON_BOARD
)
def rank(request: Request, context: Context, currency: Currency, customer_id: str) -> Response:
    """A customer's exact rank."""
    place = context.figures.boards.place(Board.CUSTOMERS, customer_id, currency)
    if place is None:
        raise Refused(404, "This customer is not on the leaderboard.")
    return answer(request, place)


@router.get(
    "/customers/{customer_id:path}/neighbours",
    response_model=Answer[list[CustomerPlace]],
    responses=NOT_ON_BOARD,
)
def neighbours(
    request: Request, context: Context, currency: Currency, customer_id: str, each_side: EachSide = 2
) -> Response:
    """The places around and including the customer's."""
    places = context.figures.boards.neighbours(Board.CUSTOMERS, customer_id, currency, each_side)
    if not places:
        raise Refused(404, "This customer is not on the leaderboard.")
    return answer(request, places)


@router.post(
    "/rebuild",
    response_model=Rebuilt,
    responses=REFUSALS,
)
def rebuild(context: Context, currency: Currency, caller: Operator) -> Response:
    """Rebuilds both leaderboards from the order store, in every currency, while they are in use."""
    with context.engine.begin() as connection:
        record_action(connection, caller.actor, "leaderboards.rebuild")
    boards = context.figures.boards
    members = {board: sum(boards.rebuild_all(board).values()) for board in Board}
    return JSONResponse(
        {
            "success": True,
            "message": f"Rebuilt: {members[Board.CUSTOMERS]} customers, {members[Board.PRODUCTS]} products.",
            "data": boards.top(Board.CUSTOMERS, FIRST_PLACES, currency),
        }
    )
