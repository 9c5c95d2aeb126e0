"""Error messages and stack traces without customer data, so that they can be stored and shown."""

from __future__ import annotations

import re
import traceback
from types import MappingProxyType

from sqlalchemy.exc import DBAPIError

MARKS = "\"'`«»„“”\u2018\u2019"
# From the first quotation mark to the last, because a quoted value can contain quotation marks.
QUOTED = re.compile(f"[{MARKS}].*[{MARKS}]|[{MARKS}].*")
HAS_DIGIT = re.compile(r"\w*\d\w*")
MOST_CHARACTERS = 500
OF_THIS_PROJECT = ("orders_pipeline.", "jobs.", "cli.")
# Libraries whose errors show values without quotation marks.
SHOWING_ROWS = ("duckdb", "polars")
STORE_KINDS = frozenset(("OperationalError", "InterfaceError", "ProgrammingError", "IntegrityError"))
# Errors whose first line has names (of tables, hosts, files), but no values. The kinds are those of PEP 249.
WITHOUT_VALUES = MappingProxyType(
    {"psycopg2": STORE_KINDS, "sqlite3": STORE_KINDS, "duckdb": frozenset(("OperationalError",))}
)


def message_of(error: BaseException) -> str:
    """The first line of an error's message, without values.

    Errors of libraries show the values that they met, which may be customer data. These are left out.
    """
    if type(error).__module__.startswith(OF_THIS_PROJECT):
        return str(error)
    if isinstance(error, DBAPIError) and error.orig:
        return message_of(error.orig)
    # After the first line, PostgreSQL repeats the row that it refused.
    said = str(error).lstrip().partition("\n")[0][:MOST_CHARACTERS]
    if isinstance(error, OSError) or _has_no_values(error):
        return said
    said = QUOTED.sub("'…'", said)
    shows_rows = isinstance(error, LookupError) or _library(error) in SHOWING_ROWS
    return HAS_DIGIT.sub("…", said) if shows_rows else said


def stack_trace(error: BaseException) -> str:
    """The stack trace of an error, its causes first: source lines, never values."""
    trace = (
        "".join(traceback.format_tb(error.__traceback__)) + f"{type(error).__name__}: {message_of(error)}\n"
    )
    cause = _cause(error)
    return f"{stack_trace(cause)}\nwhich led to\n\n{trace}" if cause else trace


def without_values(error: BaseException) -> Exception:
    """A copy of an error and its causes with their names and stack traces, for programs that print errors."""
    named = type(type(error).__name__, (Exception,), {"__module__": "builtins"})
    copy: Exception = named(message_of(error))
    cause = _cause(error)
    copy.__cause__ = without_values(cause) if cause else None
    return copy.with_traceback(error.__traceback__)


def _cause(error: BaseException) -> BaseException | None:
    return error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _has_no_values(error: BaseException) -> bool:
    kinds = {kind.__name__ for kind in type(error).__mro__}
    return not kinds.isdisjoint(WITHOUT_VALUES.get(_library(error), ()))


def _library(error: BaseException) -> str:
    return type(error).__module__.partition(".")[0].lstrip("_")
