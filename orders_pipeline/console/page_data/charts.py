"""Bar charts of figures over a period: the data for the script, and the same as text and as a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from orders_pipeline.base.text.numbers import Number, number
from orders_pipeline.console import formats
from orders_pipeline.console.texts import texts

Bucket = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars of one or more figures, stacked in this order from the bottom.

    Attributes:
        step: the time that a bar covers: a day, week, month or hour.
        url_of: returns the address of a bar's link; None: bars have no links.
        currency: currency of the figures; empty for counts.
    """

    name: str
    buckets: Sequence[Bucket]
    figures: Sequence[str]
    step: str
    currency: str
    url_of: Callable[[date, date], str] | None = None

    @property
    def rows(self) -> list[tuple[str, str, list[str]]]:
        """For each bar: its days or hour, its link if it has one, and its figures."""
        return [
            (
                bucket.get("label") or formats.days(bucket["first"], bucket["last"]),
                self.url_of(bucket["first"], bucket["last"]) if self.url_of else "",
                [self._formatted(bucket[figure]) for figure in self.figures],
            )
            for bucket in self.buckets
        ]

    @property
    def data(self) -> dict[str, Any]:
        """The data for the script."""
        return {
            "name": self.name,
            "step": self.step,
            "figures": list(self.figures),
            "days": [str(bucket["first"]) for bucket in self.buckets],
            "values": [[bucket[figure] for bucket in self.buckets] for figure in self.figures],
            "told": [days for days, _, _ in self.rows],
            "urls": [url for _, url, _ in self.rows],
            "digits": formats.digits(self.currency) if self.currency else 0,
        }

    @property
    def text(self) -> str:
        """The sums (or the last figures, if the bars are not days) as text for screen readers."""
        labels = vars(texts().overview.outcomes)
        sums = (f"{labels[figure]}: {self._formatted(self._summed(figure))}" for figure in self.figures)
        return f"{', '.join(sums)} {self.currency}".strip()

    def _summed(self, figure: str) -> Number:
        values: list[Number] = [bucket[figure] for bucket in self.buckets]
        return sum(values) if self.url_of else values[-1]

    def _formatted(self, value: Number) -> str:
        return formats.money(value, self.currency) if self.currency else number(value)
