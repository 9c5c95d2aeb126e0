"""All checks of a home: the order store, the gateway's journal, the figures and the leaderboards."""

from __future__ import annotations

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


def verify_home(engine: Engine, settings: Settings) -> list[Check]:
    """Checks every invariant of the orders and of the published figures, from scratch.

    KPIs are left out if another home publishes them. A check that cannot run fails, and the others go on.
    """
    url, currency = redis_url(settings), settings.currency
    with open_figures(engine, settings.warehouse, url, currency, settings.zone) as figures:
        elsewhere = publisher_elsewhere(engine, settings.warehouse)
        of_figures = [check_leaderboards(figures)]
        if not elsewhere:
            of_figures = [*check_figures(figures), check_figures_file(figures)]
    of_gateway = [
        *checks_of(GATEWAY_CHECKS, lambda: _check_payments(engine, connect_gateway(settings, engine))),
        *checks_of(REFUND_CHECKS, lambda: _check_refunds(engine, connect_gateway(settings, engine))),
    ]
    with reading(engine) as connection:
        return [*check_rows(connection), *of_gateway, *of_figures]


def verify_orders(engine: Engine, gateway: PaymentGateway) -> list[Check]:
    """Checks the order store and the gateway's journal."""
    of_gateway = [
        *checks_of(GATEWAY_CHECKS, lambda: _check_payments(engine, gateway)),
        *checks_of(REFUND_CHECKS, lambda: _check_refunds(engine, gateway)),
    ]
    with reading(engine) as connection:
        return [*check_rows(connection), *of_gateway]


def _check_payments(engine: Engine, gateway: PaymentGateway) -> list[Check]:
    journal = read_journal(gateway)
    with reading(engine) as connection:
        return check_gateway(connection, gateway, journal)


def _check_refunds(engine: Engine, gateway: PaymentGateway) -> list[Check]:
    journal = read_refund_journal(gateway)
    with reading(engine) as connection:
        return check_refunds(connection, gateway, journal)
