"""References of payouts in the texts of bank lines: compared as capital letters and digits only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

WORD = re.compile(r"[A-Z0-9]+")
# The most words in a reference: `TX1234567890XT batch 2` has three, and `po_1ABC` two.
MOST_WORDS = 4
# Shorter references occur in bank texts by chance.
SHORTEST = 6
WORDS_READ = 400
LONGEST_TEXT = 1_000
# What banks write if an entry has no reference.
NO_REFERENCE = ("NONREF", "NOTPROVIDED")


def reference_key(reference: str) -> str:
    """Returns a reference in the form that is compared: capital letters and digits only."""
    return "".join(WORD.findall(reference.upper()))


def references_in(text: str) -> set[str]:
    """Returns the parts of a text that could be references: one or several adjacent words, with a digit."""
    words = WORD.findall(text.upper())[:WORDS_READ]
    return {key for key in _runs(words) if len(key) >= SHORTEST and any(map(str.isdigit, key))}


def sender_in(text: str, providers: Iterable[str]) -> str | None:
    """Returns the provider that a text names; None if it names none or several."""
    folded = reference_key(text)
    named = [one for one in providers if reference_key(one) in folded]
    return named[0] if len(named) == 1 else None


def _runs(words: list[str]) -> Iterator[str]:
    for start in range(len(words)):
        for end in range(start + 1, min(start + MOST_WORDS, len(words)) + 1):
            yield "".join(words[start:end])
