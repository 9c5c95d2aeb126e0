"""Distinguishes reports and bank statements from order files, by their first bytes."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.records.regular_file import open_regular_file
from orders_pipeline.payouts.reports import adyen, stripe

HEAD_BYTES = 64 * 1024
CAMT = b"camt.053.001."
MT940 = (re.compile(r"^:20:", re.M), re.compile(r"^:25P?:", re.M), re.compile(r"^:60[FM]:", re.M))


def is_about_payouts(file: Path, *, follow_links: bool = True) -> bool:
    """Whether a file is a report of Stripe or Adyen, or a bank statement.

    Order files are never recognised as such, and reports of other providers, which need a profile, are not
    either.

    Raises:
        FileRefused: the file cannot be read.
    """
    with open_regular_file(file, follow_links=follow_links) as opened:
        head = opened.read(HEAD_BYTES)
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return CAMT in head
    text = head.decode("utf-8-sig", errors="replace")
    header = _header(text)
    return all(tag.search(text) for tag in MT940) or stripe.recognises(header) or adyen.recognises(header)


def _header(text: str) -> Sequence[str]:
    try:
        return [cell.strip() for cell in next(csv.reader(text.splitlines()[:1]), [])]
    except csv.Error:
        return []


def refuse_payouts(file: Path, name: str) -> None:
    """Checks that a file to be read as an order file is not a provider's report or a bank statement.

    Raises:
        FileRefused: it is a report or a statement.
    """
    if is_about_payouts(file):
        message = f"{name} is a report of a payment provider or a bank statement, not an order file."
        hint = "Import it with `orders payouts import`, on the page Reconciliation, or from the inbox."
        raise FileRefused("about_payouts", message, hint)
