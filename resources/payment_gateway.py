"""The payment gateway as a Dagster resource."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import Engine

from orders_pipeline.base.settings import Settings
from orders_pipeline.monitoring.metrics.measured_gateway import MeasuredGateway
from orders_pipeline.monitoring.metrics.tallies import CHARGE_SECONDS, Tallies
from orders_pipeline.payments.connect import connect_gateway
from orders_pipeline.payments.gateway import PaymentGateway
from orders_pipeline.services.redis_clients import open_redis
from orders_pipeline.services.redis_server import redis_url
from orders_pipeline.store.identity import store_id


@dataclass(frozen=True, slots=True)
class PaymentGateways:
    """Opens the gateway of the settings."""

    settings: Settings = field(repr=False)

    @contextmanager
    def open(self, engine: Engine) -> Iterator[PaymentGateway]:
        """The gateway of this order store. The metrics count its outcomes and their duration."""
        with closing(open_redis(redis_url(self.settings))) as client:
            tallies = Tallies(client, store_id(engine))
            observe = partial(tallies.observe, CHARGE_SECONDS, ())
            yield MeasuredGateway(connect_gateway(self.settings, engine, observe), tallies)
