"""Command-line options that select failed work."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from orders_pipeline.base.clock import to_microseconds
from orders_pipeline.base.settings import Settings

FileOption = Annotated[
    str | None, typer.Option("--file", help="Only from this file (its partition key).", metavar="KEY")
]
SourceOption = Annotated[str | None, typer.Option(help="Only from this source.")]
TIME_FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"]
SinceOption = Annotated[
    datetime | None,
    typer.Option(
        help="Only failures since this time, in ORDERS_TIMEZONE.",
        formats=TIME_FORMATS,
        metavar="TIME",
    ),
]
TextOption = Annotated[
    str | None, typer.Option(help="Only with this text in the order number, file name or message.")
]


def since_us(since: datetime | None, settings: Settings) -> int | None:
    """Converts the option to microseconds since 1970; None if it is not set."""
    return to_microseconds(since.replace(tzinfo=settings.zone)) if since else None
