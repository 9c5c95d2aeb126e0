"""The step of a job that sends a range of requests to the payment gateway: refunds, or captures and voids."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from dagster import OpExecutionContext
from sqlalchemy import ColumnElement, Engine

from jobs.failures import permanent_failures
from orders_pipeline.figures.published_figures import PublishedFigures
from orders_pipeline.payments.gateway import PaymentGateway
from resources.figures import FigureStores
from resources.payment_gateway import PaymentGateways


class Work(Protocol):
    """The work on one kind of request, on a store and its gateway."""

    def settle(self, chosen: ColumnElement[bool]) -> str | None:
        """Settles the chosen requests; returns why outcomes are still unknown, or None."""


class Works(Protocol):
    """Creates the work from the settings."""

    def of(self, engine: Engine, gateway: PaymentGateway) -> Work:
        """Returns the work on a store and its gateway."""


def settle(
    context: OpExecutionContext,
    works: Works,
    gateways: PaymentGateways,
    figures: FigureStores,
    chosen: ColumnElement[bool],
    publish: Callable[[PublishedFigures, ColumnElement[bool]], int],
) -> tuple[int, bool]:
    """Sends the chosen requests to the gateway, saves each outcome as it arrives, and publishes the changes.

    Args:
        publish: publishes the changes, and returns the number of published requests.

    Returns:
        The number of published requests, and whether some outcomes are unknown, which a later call looks up.
    """
    with permanent_failures(), figures.open() as published:
        with gateways.open(published.engine) as gateway:
            unknown = works.of(published.engine, gateway).settle(chosen)
        count = publish(published, chosen)
    if unknown:
        context.log.warning(f"Some outcomes are not known yet, and are looked up again later: {unknown}")
    return count, bool(unknown)
