"""What is wrong with the fields of a request, in words for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

NUMBER = "must be a number such as 12 or 12.50"
WHOLE_NUMBER = "must be a whole number such as 12"
DAY = "must be a day such as 2026-01-31"
TIME = "must be a time such as 2026-01-31T12:00:00+00:00"
CHOICE = {"enum", "literal_error"}
# By pydantic's type of error. Types that are not listed keep its text.
EXPLAINED = {
    "missing": "is required",
    "extra_forbidden": "there is no such field",
    "bool_parsing": "must be true or false",
    "decimal_parsing": NUMBER,
    "decimal_type": NUMBER,
    "decimal_max_digits": "must have at most {max_digits} digits",
    "finite_number": NUMBER,
    "int_parsing": WHOLE_NUMBER,
    "int_parsing_size": WHOLE_NUMBER,
    "int_from_float": WHOLE_NUMBER,
    "greater_than_equal": "must be {ge} or more",
    "less_than_equal": "must be {le} or less",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "has characters or a form that are not accepted",
    "too_long": "must have at most {max_length} entries",
    "too_short": "must have {min_length} or more entries",
    "date_parsing": DAY,
    "date_from_datetime_parsing": DAY,
    "datetime_parsing": TIME,
    "datetime_from_date_parsing": TIME,
    "timezone_aware": "must be a time with an offset, such as 2026-01-31T12:00:00+00:00",
}


def explained(errors: Iterable[Mapping[str, Any]]) -> str:
    """Names each wrong field and what it accepts, from the errors of pydantic: `amount: must be a number …`.

    The location of each error begins with the field; callers remove FastAPI's part of the request.
    """
    texts: dict[str, str] = {}
    choices: dict[str, list[str]] = {}
    for error in errors:
        # For a type that is a union, pydantic appends the member that was tried, such as `str-enum[Status]`.
        field = ".".join(str(part) for part in error["loc"] if "[" not in str(part))
        if error["type"] in CHOICE:
            choices.setdefault(field, []).append(error["ctx"]["expected"])
            texts[field] = f"must be {_one_of(choices[field])}"
        else:
            texts.setdefault(field, _text(error))
    return "; ".join(f"{field}: {text}" if field else text for field, text in texts.items())


def _one_of(choices: Sequence[str]) -> str:
    """Joins lists such as `'a' or 'b'`."""
    return " or ".join(", ".join(choices).replace(" or ", ", ").rsplit(", ", 1))


def _text(error: Mapping[str, Any]) -> str:
    known = EXPLAINED.get(error["type"])
    if known:
        return known.format(**error.get("ctx", {}))
    message: str = error["msg"]
    return message.removeprefix("Value error, ").replace("Input should", "must")
