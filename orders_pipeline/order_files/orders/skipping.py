"""Marks the lines whose orders a profile skips because of a status."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from orders_pipeline.order_files.columns.money_columns import ANY_VALUE
from orders_pipeline.order_files.columns.profile import Profile, is_built_in
from orders_pipeline.order_files.orders.paid import STATUS
from orders_pipeline.order_files.parsed_file import FileWarning
from orders_pipeline.order_files.values.cleaning import is_missing_word

VALUES_SHOWN = 8
VALUE_LENGTH = 40


class Skipping:
    """Applies `skip` of a profile and of its payments; remembers the values of the columns `skip_N`."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._columns = {f"skip_{at}": name for at, name in enumerate(profile.skip)}
        self._seen: dict[str, dict[str, str]] = {}

    def marked(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Replaces `skip_N` by `skipped`: the value for which the order is skipped; null if it is not."""
        matches = [pl.lit(None, pl.String)]
        names = [name for name in self._columns if name in frame.columns]
        for name in names:
            values = self._profile.skip[self._columns[name]]
            text = pl.col(name).str.strip_chars()
            listed = text.str.to_lowercase().is_in([value.lower() for value in values])
            filled = (text != "") & ~is_missing_word(text)
            matches.append(pl.when(filled if ANY_VALUE in values else listed).then(text))
            self._remember(name, frame[name])
        if self._profile.payment and STATUS in frame.columns:
            status = pl.col(STATUS).str.strip_chars()
            skipped = [value.strip().lower() for value in self._profile.payment.skip]
            matches.append(pl.when(status.str.to_lowercase().is_in(skipped)).then(status))
        return frame.with_columns(skipped=pl.coalesce(matches)).drop(names)

    def _remember(self, name: str, values: pl.Series) -> None:
        seen = self._seen.setdefault(name, {})
        for value in values.unique(maintain_order=True).drop_nulls().str.strip_chars():
            seen.setdefault(value.lower(), value)

    def warnings(self) -> Iterator[FileWarning]:
        """Yields a warning for each column in which a listed value does not occur.

        The values of a built-in profile are those of the platform; a file need not have them all.
        """
        if is_built_in(self._profile):
            return
        for name, seen in self._seen.items():
            listed = self._profile.skip[self._columns[name]]
            unseen = [value for value in listed if value != ANY_VALUE and value.lower() not in seen]
            if unseen:
                yield _unseen(self._columns[name], unseen, [value for value in seen.values() if value])


def _unseen(column: str, unseen: list[str], seen: list[str]) -> FileWarning:
    shown = ", ".join(repr(value[:VALUE_LENGTH]) for value in seen[:VALUES_SHOWN]) or "none"
    more = ", ..." if len(seen) > VALUES_SHOWN else ""
    return FileWarning(
        "skip_matches_nothing",
        f"The profile skips orders by the column {column!r}, but no line has "
        f"{' or '.join(map(repr, unseen))} there. Its values are {shown}{more}.",
        len(unseen),
    )
