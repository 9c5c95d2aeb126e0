"""Opens published figures for commands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from cli.context import open_store
from cli.failure import CommandFailed
from orders_pipeline.base.amounts.currency import UnknownCurrencyError, currency_code
from orders_pipeline.base.settings import Settings
from orders_pipeline.figures.published_figures import PublishedFigures, open_figures
from orders_pipeline.services.redis_server import redis_url

CurrencyOption = Annotated[
    str | None, typer.Option(help="ISO 4217 code. Default: ORDERS_CURRENCY.", metavar="CODE")
]


@contextmanager
def open_figures_of(settings: Settings) -> Iterator[PublishedFigures]:
    """Opens the figures of this home, with or without a running Redis."""
    with (
        open_store(settings) as engine,
        open_figures(
            engine, settings.warehouse, redis_url(settings), settings.currency, settings.zone
        ) as figures,
    ):
        yield figures


def chosen_currency(settings: Settings, option: str | None) -> str:
    """Returns the currency of the figures to show.

    Raises:
        CommandFailed: the currency does not exist.
    """
    try:
        return settings.currency if option is None else currency_code(option)
    except UnknownCurrencyError as error:
        raise CommandFailed("unknown_currency", f"--currency: {error}.") from None
