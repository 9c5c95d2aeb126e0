"""Tries a draft on the file itself, with the importer's own reading, and counts how its orders come out."""

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

# Any date and a currency with decimals: only how amounts add up is tried.
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
    """How the first orders of a file come out.

    Attributes:
        agree: orders that are taken.
        disagree: orders whose amounts do not add up to what the file states.
        several: whether a taken order has a line of several units, so that prices and line totals differ.
        example: an order that does not add up, with the reason.
    """

    agree: int = 0
    disagree: int = 0
    several: bool = False
    example: str = ""

    @property
    def share(self) -> float:
        """Share of the orders that add up."""
        return self.agree / (self.agree + self.disagree) if self.agree else 0.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the whole file comes out with a draft; `refusal` says why it would be refused as a whole."""

    orders: int = 0
    rejects_by_code: dict[str, int] | None = None
    refusal: str = ""


def try_draft(path: Path, draft: Draft, options: ReadOptions) -> Trial:
    """Reads the start of a file by a draft; nothing agrees if it cannot be read so."""
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
    """Reads the whole file by a draft."""
    try:
        identified = _identified(path, draft, options)
        with TemporaryDirectory(prefix="orders-draft-") as folder:
            parsed = parse_order_file(path, identified, RULES, Path(folder))
    except FileRefused as refused:
        return Outcome(refusal=refused.message)
    return Outcome(sum(batch.orders for batch in parsed.batches), parsed.rejects_by_code)


def _identified(path: Path, draft: Draft, options: ReadOptions) -> Identified:
    return identify(path, parse_profile(draft.toml("a draft", {}), "draft.toml"), options)
