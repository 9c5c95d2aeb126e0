"""Pausing and resuming the intake of order files."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from orders_pipeline.api.bodies import KeyBeforeBody
from orders_pipeline.api.callers.access import REFUSALS, Operator
from orders_pipeline.api.context import Context
from orders_pipeline.api.models.actions import NO_JSON, Intake, Pause
from orders_pipeline.api.models.responses import Answer
from orders_pipeline.api.protocol.answers import answer, done
from orders_pipeline.imports.arrival.intake import current_pause, pause_document, pause_intake, resume_intake
from orders_pipeline.store.engine import reading

router = APIRouter(prefix="/intake", tags=["failed work"], route_class=KeyBeforeBody)


@router.get("", response_model=Answer[Intake])
def intake(request: Request, context: Context) -> Response:
    """Whether new order files are accepted."""
    with reading(context.engine) as connection:
        return answer(request, pause_document(current_pause(connection)))


@router.post("/pause", response_model=Answer[Intake], responses={**NO_JSON, **REFUSALS})
def pause(context: Context, caller: Operator, why: Pause) -> Response:
    """Pauses the intake of new order files. Running imports and retries continue."""
    with context.engine.begin() as connection:
        paused = pause_intake(connection, caller.actor, why.because)
    return done(pause_document(paused))


@router.post("/resume", response_model=Answer[Intake], responses=REFUSALS)
def resume(context: Context, caller: Operator) -> Response:
    """Resumes the intake of new order files."""
    with context.engine.begin() as connection:
        resume_intake(connection, caller.actor)
    return done(pause_document(None))
