"""Invisible characters: those that Unicode marks as default ignorable, such as zero-width blanks."""

from __future__ import annotations

import re

_JOINERS = "\u200c\u200d"
_EMOJI = "\ufe00-\ufe0f\U000e0000-\U000e0fff"
_OTHERS = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufff8"
)
# Patterns for Python and for polars. Joiners are kept in names, because they shape letters and emoji.
INVISIBLE = f"[{_OTHERS}{_JOINERS}{_EMOJI}]"
INVISIBLE_IN_NAMES = f"[{_OTHERS}]"
# The first UTF-8 bytes of the invisible characters that web pages, mails and spreadsheets contain.
LEADING_BYTES = (b"\xc2", b"\xe2", b"\xef")


def visible(text: str) -> str:
    """Returns a text without invisible characters and surrounding blanks."""
    return re.sub(INVISIBLE, "", text).strip()
