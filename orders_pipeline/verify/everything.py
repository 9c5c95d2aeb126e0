"""All checks of a home: the order store, the gateway's journal, the figures and the leaderboards."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from sqlalchemy import Engine

from orders_pipeline.base.settings import Settings
from orders_pipeline.figures.kpis.publisher import publisher_elsewhere
from orders_pipeline.figures.published_figures import open_figures
from orders_pipeline.payments.connect import connect_gateway
from orders_pipeline.payments.gateway import PaymentGateway
from orders_pipeline.services.redis_server import redis_url
from orders_pipeline.store.engine import reading
from orders_pipeline.verify.check import Check, checks_of
from orders_pipeline.verify.figure_checks import check_figures, check_leaderboards
from orders_pipeline.verify.figures_file_check import check_figures_file
from orders_pipeline.verify.gateway_checks import GATEWAY_CHECKS, check_gateway, read_journal
from orders_pipeline.verify.refund_gateway_checks import REFUND_CHECKS, check_refunds, read_refund_journal
from orders_pipeline.verify.store_checks import check_rows

THREADS = 2


def verify_home(engine: Engine, settings: Settings) -> list[Check]:
    """Checks every invariant of the orders and of the published figures, from scratch.

    KPIs are left out if another home publishes them. A check that cannot run fails, and the others go on. Two
    threads share the checks, because databases compute most of them.
    """
    with ThreadPoolExecutor(THREADS) as pool:
        of_figures = pool.submit(_verify_figures, engine, settings)
        of_rows = pool.submit(_verify_rows, engine)
        of_gateway = pool.submit(_verify_gateway, engine, partial(connect_gateway, settings, engine))
        return [*of_rows.result(), *of_gateway.result(), *of_figures.result()]


def verify_orders(engine: Engine, gateway: PaymentGateway) -> list[Check]:
    """Checks the order store and the gateway's journal."""
    return [*_verify_rows(engine), *_verify_gateway(engine, lambda: gateway)]


def _verify_rows(engine: Engine) -> list[Check]:
    with reading(engine) as connection:
        return check_rows(connection)


def _verify_gateway(engine: Engine, connect: Callable[[], PaymentGateway]) -> list[Check]:
    return [
        *checks_of(GATEWAY_CHECKS, lambda: _check_payments(engine, connect())),
        *checks_of(REFUND_CHECKS, lambda: _check_refunds(engine, connect())),
    ]


def _verify_figures(engine: Engine, settings: Settings) -> list[Check]:
    url, currency = redis_url(settings), settings.currency
    with open_figures(engine, settings.warehouse, url, currency, settings.zone) as figures:
        if publisher_elsewhere(engine, settings.warehouse):
            return [check_leaderboards(figures)]
        return [*check_figures(figures), check_figures_file(figures)]


def _check_payments(engine: Engine, gateway: PaymentGateway) -> list[Check]:
    journal = read_journal(gateway)
    with reading(engine) as connection:
        return check_gateway(connection, gateway, journal)


def _check_refunds(engine: Engine, gateway: PaymentGateway) -> list[Check]:
    journal = read_refund_journal(gateway)
    with reading(engine) as connection:
        return check_refunds(connection, gateway, journal)
