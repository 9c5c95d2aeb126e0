"""References of payouts in the texts of bank lines: compared as capital letters and digits only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

WORD = re.compile(r"[A-Z0-9]+")
# `TX1234567890XT batch 2` has three words, and `po_1ABC` has two.
MOST_WORDS = 4
# Shorter ones occur in bank texts by chance.
SHORTEST = 6
WORDS_READ = 400
LONGEST_TEXT = 1_000
# What banks write if an entry has no reference.
NO_REFERENCE = ("NONREF", "NOTPROVIDED")


def reference_key(reference: str) -> str:
    """A reference in the form in which it is compared."""
    return "".join(WORD.findall(reference.upper()))


def references_in(text: str) -> set[str]:
    """What of a text could be a reference: words, and words in a row, with a digit."""
    words = WORD.findall(text.upper())[:WORDS_READ]
    return {key for key in _runs(words) if len(key) >= SHORTEST and any(map(str.isdigit, key))}


def sender_in(text: str, providers: Iterable[str]) -> str | None:
    """The provider that a text names, or None if it names none or several."""
    folded = reference_key(text)
    named = [one for one in providers if reference_key(one) in folded]
    return named[0] if len(named) == 1 else None


def _runs(words: list[str]) -> Iterator[str]:
    for start in range(len(words)):
        for end in range(start + 1, min(start + MOST_WORDS, len(words)) + 1):
            yield "".join(words[start:end])
