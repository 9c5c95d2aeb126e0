"""Links from Dagster's pages to the console."""

from datetime import date
from typing import Any
from urllib.parse import quote, urlencode

from dagster import MetadataValue


def file_page(console: str, key: str) -> str:
    """Returns the address of a file's page."""
    return f"{console}/files/{quote(key)}"


def link(address: str) -> dict[str, Any]:
    """Returns metadata with a link to the console."""
    return {"console": MetadataValue.url(address)}


def link_to_day(console: str, day: date, currency: str) -> dict[str, Any]:
    """Returns metadata with a link to the figures of a day."""
    query = urlencode({"start_date": day.isoformat(), "end_date": day.isoformat(), "currency": currency})
    return link(f"{console}/reports?{query}")
