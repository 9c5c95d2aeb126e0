"""Marks the lines whose orders a profile skips because of a status."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from orders_pipeline.order_files.columns.money_columns import PaymentColumns
from orders_pipeline.order_files.columns.profile import Profile, is_built_in
from orders_pipeline.order_files.orders.listed_values import ListedValues
from orders_pipeline.order_files.orders.paid import STATUS
from orders_pipeline.order_files.parsed_file import FileWarning


class Skipping:
    """Applies `skip` of a profile and of its `[payment]`; stores the values of the columns `skip_N`."""

    def __init__(self, profile: Profile, payment: PaymentColumns | None) -> None:
        self._profile = profile
        self._payment = payment
        self._columns = [
            ListedValues(f"skip_{at}", header, values, "skips orders", "skip_matches_nothing")
            for at, (header, values) in enumerate(profile.skip.items())
        ]

    def marked(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Replaces `skip_N` by `skipped`: the value for which the order is skipped; null if it is not."""
        matches = [pl.lit(None, pl.String)]
        columns = [column for column in self._columns if column.name in frame.columns]
        for column in columns:
            matches.append(pl.when(column.matches).then(pl.col(column.name).str.strip_chars()))
            column.remember(frame)
        if self._payment and STATUS in frame.columns:
            status = pl.col(STATUS).str.strip_chars()
            skipped = [value.strip().lower() for value in self._payment.skip]
            matches.append(pl.when(status.str.to_lowercase().is_in(skipped)).then(status))
        return frame.with_columns(skipped=pl.coalesce(matches)).drop(column.name for column in columns)

    def warnings(self) -> Iterator[FileWarning]:
        """Yields a warning for each column in which a listed value does not occur.

        A built-in profile causes no warning: it lists all values of a platform, and a file need not have
        them.
        """
        if not is_built_in(self._profile):
            yield from (warning for column in self._columns for warning in column.warnings())
