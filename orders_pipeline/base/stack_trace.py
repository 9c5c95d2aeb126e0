"""Error messages and stack traces without customer data, so that they can be stored."""

from __future__ import annotations

import re
import traceback

from sqlalchemy.exc import DBAPIError

QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`")
MOST_CHARACTERS = 500
OF_THIS_PROJECT = "orders_pipeline."


def message_of(error: BaseException) -> str:
    """The first line of an error's message.

    Errors of libraries quote the values that they met, which may be customer data. Quoted text is left out.
    """
    if type(error).__module__.startswith(OF_THIS_PROJECT):
        return str(error)
    if isinstance(error, DBAPIError):
        # After the first line, PostgreSQL repeats the row that it refused.
        return _first_line(error.orig)
    said = _first_line(error)
    return said if isinstance(error, OSError) else QUOTED.sub("'…'", said)


def stack_trace(error: BaseException) -> str:
    """The stack trace of an error, its causes first: source lines, never values."""
    told = (
        "".join(traceback.format_tb(error.__traceback__)) + f"{type(error).__name__}: {message_of(error)}\n"
    )
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return f"{stack_trace(cause)}\nwhich led to\n\n{told}" if cause else told


def _first_line(error: object) -> str:
    return str(error).partition("\n")[0][:MOST_CHARACTERS]
