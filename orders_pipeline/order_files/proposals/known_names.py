"""Known column names and status words in several languages; `names` has one file for each language."""

from __future__ import annotations

import tomllib
import unicodedata
from functools import cache, lru_cache
from importlib import resources

from orders_pipeline.order_files.columns.header_names import MOST_COLUMNS, plain_name
from orders_pipeline.order_files.columns.money_columns import OrderAmount
from orders_pipeline.order_files.columns.profile import OrderField

# Shorter names are not searched inside column names: too many contain them, as `note` contains `no`. Names in
# Chinese or Japanese may be shorter, because a word has two characters.
LEAST_LETTERS = 4
LEAST_CHARACTERS = 2


def folded(name: str) -> str:
    """Returns a name in lower case, without spaces, punctuation and accents."""
    letters = unicodedata.normalize("NFKD", plain_name(name))
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


@lru_cache(maxsize=MOST_COLUMNS)
def _folded_once(name: str) -> str:
    """Cached, because each name of a file is compared with those of every field."""
    return folded(name)


def field_likeness(field: OrderField, column: str) -> float:
    """Returns how well a column name fits the known names of a field, from 0 to 1."""
    return _likeness(column, _names("fields", field.value))


def amount_likeness(kind: OrderAmount, column: str) -> float:
    """Returns how well a column name fits the known names of an amount, from 0 to 1."""
    return _likeness(column, _names("amounts", kind.value))


def says_plainly(field: OrderField, column: str) -> bool:
    """Whether a column name contains an unambiguous name of the field, such as `unit price`."""
    name = _folded_once(column)
    return any(known in name for of_language in _names("fields", field.value) for known in of_language[:2])


def is_time(column: str) -> bool:
    """Whether a column name means time of day."""
    return _is_one_of(column, _names("times", "names"))


def is_status(column: str) -> bool:
    """Whether a column name means status."""
    return _is_one_of(column, _names("status", "columns"))


def is_cancellation(column: str) -> bool:
    """Whether a column name means time of cancellation."""
    return _is_one_of(column, _names("status", "cancelled_at"))


def status_meaning(value: str) -> str | None:
    """Returns what a status means for an order: `skip`, `paid` or `charge`.

    None if the status is not known.
    """
    meanings = ("skip", "paid", "charge")
    return next((what for what in meanings if _is_one_of(value, _names("status", what))), None)


def _is_one_of(text: str, names: tuple[tuple[str, ...], ...]) -> bool:
    name = _folded_once(text)
    return any(name in of_language for of_language in names)


def _likeness(column: str, names: tuple[tuple[str, ...], ...]) -> float:
    name = _folded_once(column)
    return max((_likeness_in(name, of_language) for of_language in names), default=0.0)


def _likeness_in(name: str, known: tuple[str, ...]) -> float:
    if not known:
        return 0.0
    if name in known:
        return 1.0 - 0.3 * known.index(name) / len(known)
    parts = [at for at, other in enumerate(known) if len(other) >= _least(other) and other in name]
    if not parts:
        return 0.0
    # A known name at the end is likelier: `amazon-order-id` is an order id, `order id of the shop` may not
    # be.
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
    """Returns the names in each language, as `folded` returns them."""
    return tuple(
        tuple(folded(name) for name in language.get(section, {}).get(key, "").split())
        for language in _languages()
    )
