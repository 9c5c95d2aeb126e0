"""Decides the order of day, month and year in a column of dates, from all its values."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import polars as pl

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.columns.profile import DateOrder
from orders_pipeline.order_files.values.date_formats import is_format
from orders_pipeline.order_files.values.date_parts import ISO, allows_order, month_words, numeric_parts
from orders_pipeline.order_files.values.month_names import months_of, plain_month

# Up to one contradicting value in a hundred is a typing error; more mean that the column mixes orders.
_SLIPS = 100
# No language has more names of months; a column with more distinct words has other words than months.
_WORDS = 1000


@dataclass(frozen=True, slots=True)
class DateRules:
    """How to read a date column: by a given `format`, or by the order of each family of dates.

    A family is a separator and the number of digits of the year, such as `/4`. A family in `mixed` uses
    several orders. `months` has the number of each month (1 to 12) by its name, if names are not English.
    """

    format: str | None = None
    orders: tuple[tuple[str, DateOrder], ...] = ()
    mixed: tuple[str, ...] = ()
    months: tuple[tuple[str, int], ...] = ()

    def as_option(self) -> str:
        """Returns the same rules as a value for the option `date_format`."""
        settled = [(family, order) for family, order in self.orders if family not in self.mixed]
        return self.format or ",".join(f"{family}:{order.value}" for family, order in settled)


@dataclass(frozen=True, slots=True)
class OpenDates:
    """A family of dates whose order is ambiguous throughout the column, with an example."""

    family: str
    example: str
    orders: tuple[DateOrder, ...]


@dataclass(slots=True)
class DateEvidence:
    """Counts, for each family, the distinct values that fit each set of orders, such as `DMY MDY`."""

    readings: dict[str, Counter[str]] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)
    words: Counter[str] = field(default_factory=Counter)

    def add(self, values: pl.Series) -> None:
        """Counts the next values of the column."""
        text = values.drop_nulls().str.strip_chars()
        odd = text.filter(~text.str.contains(ISO) & (text != "")).unique(maintain_order=True)
        if not odd.len():
            return
        parts = numeric_parts(odd)
        self._add_words(parts.filter(pl.col("family").is_null())["text"])
        parts = parts.filter(pl.col("family") != "")
        allowed = [pl.when(allows_order(order)).then(pl.lit(order.value)) for order in DateOrder]
        same = pl.col("family").str.ends_with("4") & (pl.col("a") == pl.col("b"))
        sets = parts.filter(~same).with_columns(
            allowed=pl.concat_str(allowed, separator=" ", ignore_nulls=True)
        )
        counted = sets.group_by("family", "allowed", maintain_order=True).agg(pl.len(), pl.first("text"))
        for family, orders, count, example in counted.filter(pl.col("allowed") != "").iter_rows():
            self.readings.setdefault(family, Counter())[orders] += count
            if " " in orders:
                self.examples.setdefault(family, example)

    def _add_words(self, text: pl.Series) -> None:
        if text.len() and len(self.words) < _WORDS:
            self.words.update(map(plain_month, month_words(text)))

    def decide(
        self, given: DateRules, order: DateOrder | None, short: DateOrder | None
    ) -> DateRules | OpenDates:
        """Decides the order of each family, or returns the first family that is ambiguous.

        Priorities: first `given` (the option), then `order` and `short` (the profile's order, and its order
        for two-digit years), then the values.
        """
        if given.format is not None:
            return given
        by_family = dict(given.orders)
        orders: dict[str, DateOrder] = {}
        mixed: list[str] = []
        for family, counts in self.readings.items():
            known = (
                by_family.get(family)
                or by_family.get("")
                or order
                or (short if family.endswith("2") else None)
            )
            possible = set.intersection(*(set(allowed.split()) for allowed in counts))
            if known is not None:
                orders[family] = known
            elif len(possible) > 1:
                return OpenDates(family, self.examples[family], tuple(DateOrder(o) for o in sorted(possible)))
            elif possible:
                orders[family] = DateOrder(possible.pop())
            else:
                orders[family], is_mixed = _most_frequent(counts)
                mixed += [family] if is_mixed else []
        months = tuple(sorted(months_of(self.words).items()))
        return DateRules(orders=tuple(sorted(orders.items())), mixed=tuple(mixed), months=months)


def _most_frequent(counts: Counter[str]) -> tuple[DateOrder, bool]:
    """Returns the order that most values need, and whether too many values need another."""
    settled = Counter({allowed: count for allowed, count in counts.items() if " " not in allowed})
    if not settled:
        return DateOrder(next(iter(counts)).split()[0]), True
    (best, most), *others = settled.most_common()
    return DateOrder(best), sum(count for _, count in others) * _SLIPS > most


def given_dates(text: str | None) -> DateRules:
    """Parses the option `date_format`.

    The option is an order, an order for each family (`/4:MDY,-4:DMY`), or a format: a strptime format,
    `excel`, `excel1904`, `epoch`, `epoch_ms`, or several of them with `|` between them.

    Raises:
        FileRefused: the text is none of these.
    """
    if text is None:
        return DateRules()
    if is_format(text):
        return DateRules(format=text)
    pairs = [part.strip().rpartition(":") for part in text.split(",")]
    try:
        return DateRules(orders=tuple((family, DateOrder(order.upper())) for family, _, order in pairs))
    except ValueError:
        message = f"The date format {text!r} is not valid."
        hint = "Use DMY, MDY, YMD, excel, epoch, or a format such as %d.%m.%Y."
        raise FileRefused("option_invalid", message, hint) from None
