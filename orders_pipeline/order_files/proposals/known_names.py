"""Names of columns and words of statuses in several languages, one file a language in `names`."""

from __future__ import annotations

import tomllib
import unicodedata
from functools import cache
from importlib import resources

from orders_pipeline.order_files.columns.header_names import plain_name
from orders_pipeline.order_files.columns.money_columns import OrderAmount
from orders_pipeline.order_files.columns.profile import OrderField

# A shorter name stands in too many others: `no` in `note`. A word of Chinese or Japanese has two characters.
LEAST_LETTERS = 4
LEAST_CHARACTERS = 2


def folded(name: str) -> str:
    """A name without case, spaces, punctuation and accents."""
    letters = unicodedata.normalize("NFKD", plain_name(name))
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def field_likeness(field: OrderField, column: str) -> float:
    """How much the name of a column is like a name of a field, from 0 to 1."""
    return _likeness(column, _names("fields", field.value))


def amount_likeness(kind: OrderAmount, column: str) -> float:
    """How much the name of a column is like a name of an amount, from 0 to 1."""
    return _likeness(column, _names("amounts", kind.value))


def says_plainly(field: OrderField, column: str) -> bool:
    """Whether the name of a column contains one of the likeliest names of a field, such as `unit price`."""
    name = folded(column)
    return any(known in name for of_language in _names("fields", field.value) for known in of_language[:2])


def is_time(column: str) -> bool:
    """Whether a column is called time of day."""
    return _is_one_of(column, _names("times", "names"))


def is_status(column: str) -> bool:
    """Whether a column is called status."""
    return _is_one_of(column, _names("status", "columns"))


def is_cancellation(column: str) -> bool:
    """Whether a column is called time of cancellation."""
    return _is_one_of(column, _names("status", "cancelled_at"))


def status_meaning(value: str) -> str | None:
    """What a status says of an order: `skip`, `paid` or `charge`; None if its words are not known."""
    return next(
        (what for what in ("skip", "paid", "charge") if _is_one_of(value, _names("status", what))), None
    )


def _is_one_of(text: str, names: tuple[tuple[str, ...], ...]) -> bool:
    return any(folded(text) in of_language for of_language in names)


def _likeness(column: str, names: tuple[tuple[str, ...], ...]) -> float:
    return max((_likeness_in(folded(column), of_language) for of_language in names), default=0.0)


def _likeness_in(name: str, known: tuple[str, ...]) -> float:
    if not known:
        return 0.0
    if name in known:
        return 1.0 - 0.3 * known.index(name) / len(known)
    parts = [at for at, other in enumerate(known) if len(other) >= _least(other) and other in name]
    if not parts:
        return 0.0
    # `amazon-order-id` is one; `order id of the shop` less likely.
    most = 0.7 if name.endswith(known[parts[0]]) else 0.5
    return most - 0.2 * parts[0] / len(known)


def _least(name: str) -> int:
    return LEAST_LETTERS if name.isascii() else LEAST_CHARACTERS


@cache
def _languages() -> tuple[dict[str, dict[str, str]], ...]:
    folder = resources.files("orders_pipeline.order_files.proposals").joinpath("names")
    texts = {file.name: file.read_text("utf-8") for file in folder.iterdir() if file.name.endswith(".toml")}
    return tuple(tomllib.loads(texts[name]) for name in sorted(texts))


@cache
def _names(section: str, key: str) -> tuple[tuple[str, ...], ...]:
    """The names of each language, folded."""
    return tuple(
        tuple(folded(name) for name in language.get(section, {}).get(key, "").split())
        for language in _languages()
    )
