"""Finds the columns of a header that a name means."""

from __future__ import annotations

import re
from functools import lru_cache


@lru_cache(maxsize=10_000)
def plain_name(name: str) -> str:
    """Returns a header name without case, spaces and punctuation, for comparing names.

    A percent sign stays: `Sales %` is not `Sales`.
    """
    return re.sub(r"[^\w%‰]+|_", "", name.casefold())


def places_of(name: str, header: tuple[str, ...]) -> list[int]:
    """Returns the positions of the columns that a name means.

    These are the columns with exactly this name. If there are none, they are the columns whose names differ
    only in case, spaces and punctuation. Several positions mean that the name is ambiguous.
    """
    exact = [at for at, own in enumerate(header) if own == name]
    plain = plain_name(name)
    return exact or [at for at, own in enumerate(header) if plain and plain_name(own) == plain]


def first_known(names: tuple[str, ...], header: tuple[str, ...]) -> list[int]:
    """Returns the positions for the first of several names that `header` has."""
    return next((places for name in names if (places := places_of(name, header))), [])
