"""Month names in the languages of Unicode CLDR, as Babel has them."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping
from functools import cache

from babel import Locale, localedata

_ENGLISH = (
    *("january", "february", "march", "april", "may", "june", "july", "august", "september"),
    *("october", "november", "december"),
)
ENGLISH = {name: at for at, full in enumerate(_ENGLISH, start=1) for name in (full, full[:3])} | {"sept": 9}
_SCRIPT_LETTERS = 4
_AGREEING = 0.9


def plain_month(name: str) -> str:
    """Returns a month name without case and points, for comparing names."""
    return unicodedata.normalize("NFC", name).casefold().replace(".", "").strip()


def months_of(words: Mapping[str, int]) -> dict[str, int]:
    """Returns the month (1 to 12) of each word, in the languages that contain most words of a column.

    `listopad` is November in Polish and October in Croatian. A word is left out if fewer than nine in ten of
    these languages agree on its month.

    Args:
        words: how often each plain word occurs in the column.
    """
    if all(word in ENGLISH for word in words):
        return {}
    known = {
        language: sum(count for word, count in words.items() if word in names)
        for language, names in _languages().items()
    }
    best = [_languages()[language] for language, count in known.items() if count == max(known.values())]
    months = {word: Counter(names[word] for names in best if word in names) for word in words}
    return {
        word: month
        for word, found in months.items()
        for month, count in found.most_common(1)
        if count >= _AGREEING * found.total()
    }


@cache
def _languages() -> dict[str, dict[str, int]]:
    """Returns the month of each name, full or short, by language. The first call takes one or two seconds."""
    languages = filter(_is_language, localedata.locale_identifiers())
    return {name: _names(Locale.parse(name)) for name in languages}


def _is_language(identifier: str) -> bool:
    """Whether a locale identifier has a language, and perhaps a script, but no country."""
    _, *rest = identifier.split("_")
    return not rest or (len(rest) == 1 and len(rest[0]) == _SCRIPT_LETTERS)


def _names(locale: Locale) -> dict[str, int]:
    tables = [
        locale.months[context][width]
        for context in ("stand-alone", "format")
        for width in ("abbreviated", "wide")
    ]
    return {plain_month(name): at for table in tables for at, name in table.items()}
