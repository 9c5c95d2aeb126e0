"""Error responses, all in one format. Internal details go to the log only."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError, TimeoutError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from orders_pipeline.api.protocol.headers import HEADERS
from orders_pipeline.api.protocol.problems import explained
from orders_pipeline.base.text.printable import printable
from orders_pipeline.figures.kpis.publisher import FiguresElsewhere
from orders_pipeline.figures.kpis.warehouse.published_parts import PartsLost
from orders_pipeline.store.engine import STORE_FAILED
from orders_pipeline.store.revisions import StoreRefused

log = logging.getLogger(__name__)


class Refused(Exception):
    """A request that gets an error response.

    Args:
        fields: more fields of the body, such as a stable code and a hint.
    """

    def __init__(
        self,
        status: int,
        message: str,
        headers: dict[str, str] | None = None,
        fields: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.headers, self.fields = status, message, headers, fields or {}


def error_response(
    status: int,
    message: str,
    headers: dict[str, str] | None = None,
    fields: Mapping[str, str] | None = None,
) -> JSONResponse:
    """The body of every error."""
    # A message may name a field of the request, which may contain characters that UTF-8 does not have.
    body = {"message": message, **(fields or {})}
    shown = {name: printable(text) for name, text in body.items()}
    return JSONResponse({"success": False, **shown}, status, headers)


def add_error_handlers(app: FastAPI) -> None:
    """Makes the app return every error in this format."""
    app.exception_handler(Refused)(_refused)
    app.exception_handler(RequestValidationError)(_invalid)
    app.exception_handler(HTTPException)(_http)
    for store_failed in STORE_FAILED:
        app.exception_handler(store_failed)(_store_down)
    app.exception_handler(StoreRefused)(_other_store)
    app.exception_handler(RedisError)(_redis_down)
    app.exception_handler(FiguresElsewhere)(_elsewhere)
    app.exception_handler(PartsLost)(_parts_lost)
    app.exception_handler(Exception)(_bug)


async def _refused(_request: Request, error: Refused) -> JSONResponse:
    return error_response(error.status, error.message, error.headers, error.fields)


async def _invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
    if any(problem["type"] == "json_invalid" for problem in error.errors()):
        return error_response(400, "The body is not JSON.")
    # A location begins with the part of the request, such as `query`.
    problems = [{**problem, "loc": problem["loc"][1:]} for problem in error.errors()]
    return error_response(422, explained(problems))


async def _http(_request: Request, error: HTTPException) -> JSONResponse:
    headers = dict(error.headers) if error.headers else None
    # For a body that cannot be read, FastAPI's detail is only the phrase of the status.
    message = error.detail if error.status_code == 413 else HTTPStatus(error.status_code).phrase
    return error_response(error.status_code, message, headers)


async def _store_down(_request: Request, error: DBAPIError | TimeoutError) -> JSONResponse:
    log.error("The order store failed: %s", error)
    return error_response(503, "The order store does not answer.")


async def _other_store(_request: Request, error: StoreRefused) -> JSONResponse:
    log.error("%s", error)
    return error_response(503, str(error))


async def _elsewhere(_request: Request, error: FiguresElsewhere) -> JSONResponse:
    log.error("%s", error)
    return error_response(503, "The KPIs of this order store are published on another machine.")


async def _parts_lost(_request: Request, error: PartsLost) -> JSONResponse:
    return error_response(503, str(error))


async def _redis_down(_request: Request, error: RedisError) -> JSONResponse:
    log.error("Redis failed: %s", error)
    return error_response(503, "Redis does not answer.")


async def _bug(_request: Request, error: Exception) -> JSONResponse:
    log.error("A request failed.", exc_info=error)
    # This response bypasses the middleware that adds headers to all others.
    return error_response(500, "An internal error occurred. The server log has the details.", HEADERS)
