"""Finds the columns of a header by name, also if they are written differently."""

from __future__ import annotations

import re
from functools import lru_cache

# A row with more columns is not a header: exports have tens of columns, some have hundreds for packed items.
MOST_COLUMNS = 2000
Places = dict[str, list[int]]


def plain_name(name: str) -> str:
    """Returns a header name without case, spaces and punctuation, for comparing names.

    A percent sign is kept: `Sales %` is not `Sales`.
    """
    return re.sub(r"[^\w%‰]+|_", "", name.casefold())


def places_of(name: str, header: tuple[str, ...]) -> list[int]:
    """Returns the positions (from 0) of the columns with a name.

    These are the columns with exactly this name. If there are none, they are the columns whose names differ
    only in case, spaces and punctuation. Several positions mean that the name is ambiguous.
    """
    if len(header) > MOST_COLUMNS:
        return []
    exact, plain = _places(header)
    return exact.get(name) or plain.get(_known_plain_name(name), [])


def first_known(names: tuple[str, ...], header: tuple[str, ...]) -> list[int]:
    """Returns the positions of the columns with the first of several names that occurs in `header`."""
    return next((places for name in names if (places := places_of(name, header))), [])


@lru_cache(maxsize=4)
def _places(header: tuple[str, ...]) -> tuple[Places, Places]:
    """Returns the positions by exact and by plain name.

    Cached, because every profile needs the same header.
    """
    exact: Places = {}
    plain: Places = {}
    for at, name in enumerate(header):
        exact.setdefault(name, []).append(at)
        if short := plain_name(name):
            plain.setdefault(short, []).append(at)
    return exact, plain


@lru_cache(maxsize=10_000)
def _known_plain_name(name: str) -> str:
    """Returns the plain form of a profile's name.

    Only names in profiles are cached: those in files may be long.
    """
    return plain_name(name)
