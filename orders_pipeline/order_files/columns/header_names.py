"""Finds the columns of a header that a name means."""

from __future__ import annotations

import re
from functools import lru_cache

# A wider row is not a header: exports of orders have tens of columns, and some hundreds for packed items.
MOST_COLUMNS = 2000
Places = dict[str, list[int]]


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
    if len(header) > MOST_COLUMNS:
        return []
    exact, plain = _places(header)
    return exact.get(name) or plain.get(_known_plain_name(name), [])


def first_known(names: tuple[str, ...], header: tuple[str, ...]) -> list[int]:
    """Returns the positions for the first of several names that `header` has."""
    return next((places for name in names if (places := places_of(name, header))), [])


@lru_cache(maxsize=4)
def _places(header: tuple[str, ...]) -> tuple[Places, Places]:
    """Returns the positions by exact and by plain name. Every profile asks for the same header."""
    exact: Places = {}
    plain: Places = {}
    for at, name in enumerate(header):
        exact.setdefault(name, []).append(at)
        if short := plain_name(name):
            plain.setdefault(short, []).append(at)
    return exact, plain


@lru_cache(maxsize=10_000)
def _known_plain_name(name: str) -> str:
    """The plain name of a name in a profile; names in files may be of any length, and are not kept."""
    return plain_name(name)
