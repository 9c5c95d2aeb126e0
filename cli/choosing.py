"""Options that choose failed work."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from orders_pipeline.base.clock import to_microseconds
from orders_pipeline.base.settings import Settings

FileOption = Annotated[
    str | None, typer.Option("--file", help="Only those of this file: its partition key.", metavar="KEY")
]
SourceOption = Annotated[str | None, typer.Option(help="Only those of this source.")]
SinceOption = Annotated[
    datetime | None,
    typer.Option(
        help="Only what failed since then, in ORDERS_TIMEZONE.",
        formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"],
        metavar="TIME",
    ),
]
TextOption = Annotated[
    str | None, typer.Option(help="Only those with this text in their number, file name or message.")
]


def since_us(since: datetime | None, settings: Settings) -> int | None:
    """The same in microseconds since 1970."""
    return to_microseconds(since.replace(tzinfo=settings.zone)) if since else None
