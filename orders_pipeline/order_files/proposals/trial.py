"""Tries a draft on its file with the importer's own code, and counts the orders whose amounts add up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.columns.identified import Identified
from orders_pipeline.order_files.columns.identify import identify
from orders_pipeline.order_files.columns.profile import parse_profile
from orders_pipeline.order_files.orders.parse import parse_order_file
from orders_pipeline.order_files.proposals.draft import Draft
from orders_pipeline.order_files.proposals.preview import preview_orders
from orders_pipeline.order_files.read_options import ParseRules, ReadOptions
from orders_pipeline.order_files.reject_codes import RejectCode

# All dates are allowed and the currency has decimals, because a trial checks only how amounts add up.
RULES = ParseRules(currency="USD", timezone="UTC", first_day=date(1, 1, 1), last_day=date(9999, 12, 31))
EVERY_ORDER = 1_000_000
_DISAGREE = [
    RejectCode.TOTAL_DISAGREES.value,
    RejectCode.TOTAL_MISSING.value,
    RejectCode.SUBTOTAL_DISAGREES.value,
    RejectCode.TOTAL_NEGATIVE.value,
    RejectCode.AMOUNT_DIFFERS.value,
    RejectCode.AMOUNT_UNREADABLE.value,
]


@dataclass(frozen=True, slots=True)
class Trial:
    """The result of a draft for the first orders of a file.

    Attributes:
        agree: number of accepted orders.
        disagree: number of orders whose amounts do not add up to the total in the file.
        several: whether an accepted order has a line of several units: its unit price and line total differ.
        example: an order that does not add up, with the reason.
    """

    agree: int = 0
    disagree: int = 0
    several: bool = False
    example: str = ""

    @property
    def share(self) -> float:
        """Share of the orders that add up, from 0 to 1."""
        return self.agree / (self.agree + self.disagree) if self.agree else 0.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a draft for the whole file; `refusal` is the reason if the whole file is refused."""

    orders: int = 0
    rejects_by_code: dict[str, int] | None = None
    refusal: str = ""


def try_draft(path: Path, draft: Draft, options: ReadOptions) -> Trial:
    """Tries a draft on the start of a file; `agree` is 0 if the file is refused with it."""
    try:
        preview = preview_orders(path, _identified(path, draft, options), RULES, EVERY_ORDER)
    except FileRefused:
        return Trial()
    wrong = preview.rejects.filter(pl.col("code").is_in(_DISAGREE)) if preview.rejects.height else None
    several = bool(preview.lines.height) and bool((preview.lines["quantity"] > 1).any())
    if wrong is None or not wrong.height:
        return Trial(preview.orders.height, 0, several)
    number, message = wrong.select("order_number", "message").row(0)
    return Trial(preview.orders.height, wrong["order_number"].n_unique(), several, f"{number}: {message}")


def try_whole_file(path: Path, draft: Draft, options: ReadOptions) -> Outcome:
    """Tries a draft on the whole file."""
    try:
        identified = _identified(path, draft, options)
        with TemporaryDirectory(prefix="orders-draft-") as folder:
            parsed = parse_order_file(path, identified, RULES, Path(folder))
    except FileRefused as refused:
        return Outcome(refusal=refused.message)
    return Outcome(sum(batch.orders for batch in parsed.batches), parsed.rejects_by_code)


def _identified(path: Path, draft: Draft, options: ReadOptions) -> Identified:
    return identify(path, parse_profile(draft.toml("a draft", {}), "draft.toml"), options)
