"""What an error says and where it comes from, fit to be kept: without the values that it met."""

from __future__ import annotations

import re
import traceback

from sqlalchemy.exc import DBAPIError

QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`")
MOST_CHARACTERS = 500
OF_THIS_PROJECT = "orders_pipeline."


def message_of(error: BaseException) -> str:
    """The first line of what an error says.

    Errors of libraries quote what they met, which may be a customer's; what is quoted is left out of those.
    """
    if type(error).__module__.startswith(OF_THIS_PROJECT):
        return str(error)
    if isinstance(error, DBAPIError):
        # PostgreSQL repeats the row that it refused after the first line.
        return _first_line(error.orig)
    said = _first_line(error)
    return said if isinstance(error, OSError) else QUOTED.sub("'…'", said)


def stack_trace(error: BaseException) -> str:
    """The frames of an error, those of its causes first; source lines, never values."""
    told = (
        "".join(traceback.format_tb(error.__traceback__)) + f"{type(error).__name__}: {message_of(error)}\n"
    )
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return f"{stack_trace(cause)}\nwhich led to\n\n{told}" if cause else told


def _first_line(error: object) -> str:
    return str(error).partition("\n")[0][:MOST_CHARACTERS]
