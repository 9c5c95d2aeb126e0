"""`orders alerts`: problems that need attention now."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table
from sqlalchemy.exc import DBAPIError

from cli.context import is_store_made, open_store
from cli.output import JsonOption, command, emit, page
from orders_pipeline.base.clock import duration_us, now_us, to_datetime
from orders_pipeline.base.settings import Settings, load_settings
from orders_pipeline.monitoring.alerts.alert_rows import (
    Alert,
    alert_document,
    alerts_since,
    open_alerts,
    title,
)
from orders_pipeline.monitoring.alerts.remedies import remedy
from orders_pipeline.store.engine import open_engine, reading


@command
def alerts(
    hours: Annotated[
        int, typer.Option(min=0, help="Also show alerts that ended in this many last hours.")
    ] = 0,
    as_json: JsonOption = False,
) -> None:
    """Show open alerts and what to do about each. docs/runbooks.md says more."""
    with open_store(load_settings()) as engine, reading(engine) as connection:
        since = now_us() - duration_us(timedelta(hours=hours))
        found = alerts_since(connection, since) if hours else open_alerts(connection)
    if as_json:
        emit([alert_document(alert) for alert in found])
    elif found:
        show_alerts(found)
    else:
        page.print("No open alerts." if not hours else "No alerts in this period.")


def alerts_now(settings: Settings) -> list[Alert]:
    """Returns open alerts; none if the store does not answer or is of an older version."""
    if not is_store_made(settings):
        return []
    engine = open_engine(settings.store_url)
    try:
        with reading(engine) as connection:
            return open_alerts(connection)
    except DBAPIError:
        return []
    finally:
        engine.dispose()


def show_alerts(found: list[Alert]) -> None:
    """Prints alerts, times in UTC, and what to do about each kind of open alert."""
    page.print(_table(found))
    for name in dict.fromkeys(alert.name for alert in found if alert.over_at is None):
        page.print(f"{title(name)}: {remedy(name)}", highlight=False)


def _table(found: list[Alert]) -> Table:
    table = Table("Alert", "Subject", "Raised", "Ended", "Detail", box=None, header_style="bold")
    for alert in found:
        over = _clock(alert.over_at) if alert.over_at is not None else "[red]open[/]"
        name, about = escape(title(alert.name)), escape(alert.subject)
        table.add_row(name, about, _clock(alert.raised_at), over, escape(alert.detail))
    return table


def _clock(microseconds: int) -> str:
    return to_datetime(microseconds).strftime("%Y-%m-%d %H:%M")


def register(app: typer.Typer) -> None:
    """Adds this command."""
    app.command("alerts")(alerts)
