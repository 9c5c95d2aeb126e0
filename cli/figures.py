"""What commands need to show published figures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from cli.context import open_store
from cli.output import CommandFailed
from orders_pipeline.base.currency import UnknownCurrencyError, currency_code
from orders_pipeline.base.settings import Settings
from orders_pipeline.figures.reporting import Reporting, open_reporting
from orders_pipeline.services.redis_server import embedded_redis_url

CurrencyOption = Annotated[
    str | None, typer.Option(help="ISO 4217 code; ORDERS_CURRENCY if not given.", metavar="CODE")
]


@contextmanager
def open_figures_of(settings: Settings) -> Iterator[Reporting]:
    """Figures of this home, with or without a running Redis."""
    redis_url = settings.redis_url or embedded_redis_url(settings.home)
    with (
        open_store(settings) as engine,
        open_reporting(engine, settings.warehouse, redis_url, settings.currency, settings.zone) as reporting,
    ):
        yield reporting


def chosen_currency(settings: Settings, option: str | None) -> str:
    """The currency that figures are asked in.

    Raises:
        CommandFailed: there is no such currency.
    """
    try:
        return settings.currency if option is None else currency_code(option)
    except UnknownCurrencyError as error:
        raise CommandFailed("unknown_currency", f"--currency: {error}.") from None
