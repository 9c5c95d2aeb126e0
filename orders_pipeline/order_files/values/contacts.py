"""The customers' email addresses and languages in a file."""

from __future__ import annotations

import polars as pl

from orders_pipeline.order_files.columns.profile import OrderField
from orders_pipeline.order_files.parsed_file import FileWarning

EMAIL, LANGUAGE = OrderField.CUSTOMER_EMAIL.value, OrderField.CUSTOMER_LANGUAGE.value
# A single ASCII address that mail servers accept. By RFC 5321, an address has at most 254 characters.
ADDRESS = (
    r"^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9]$"
)
MOST_CHARACTERS = 254
LANGUAGE_CODE = r"^([A-Za-z]{2,3})(?:[-_.].*)?$"
UNREADABLE = (
    "Some email addresses are invalid. Their orders are imported, but their customers get no notices."
)


def with_contacts(lines: pl.DataFrame) -> tuple[pl.DataFrame, tuple[FileWarning, ...]]:
    """Reads addresses and languages, if the lines have them; an invalid value becomes null.

    Of a language, only the code at the start is used, such as `de` of `de-AT`.
    """
    warnings: tuple[FileWarning, ...] = ()
    if LANGUAGE in lines.columns:
        code = pl.col(LANGUAGE).str.strip_chars().str.extract(LANGUAGE_CODE).str.to_lowercase()
        lines = lines.with_columns(code.alias(LANGUAGE))
    if EMAIL in lines.columns:
        text = pl.col(EMAIL).str.strip_chars()
        given = int(lines.select((text != "").sum()).item())
        fits = text.str.contains(ADDRESS) & (text.str.len_bytes() <= MOST_CHARACTERS)
        lines = lines.with_columns(pl.when(fits).then(text).alias(EMAIL))
        if odd := given - lines[EMAIL].count():
            warnings = (FileWarning("email_unreadable", UNREADABLE, odd),)
    return lines, warnings
