"""Stored documents: frozen values as JSON, with the version that tells later readers how to read them.

A field with a default may be added without a new version. Any other change needs one, and a reader that still
takes the older ones. Documents of release 0.1.0 have no version.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

Value = TypeVar("Value")
VERSION = "version"
UNKNOWN_FIELD = ("extra_forbidden", "unexpected_keyword_argument")
# Making one takes milliseconds, and lists of files read many documents.
_adapter: Callable[[Any], TypeAdapter[Any]] = cache(TypeAdapter)


class NewerDocumentError(RuntimeError):
    """A stored document holds something that this version of the software does not know."""

    code = "newer_document"
    hint = "Use the same version of orders-pipeline on all machines of this store."

    def __init__(self, name: str, detail: str) -> None:
        self.message = f"{name} was written by a newer version of orders-pipeline: {detail}."
        super().__init__(self.message)


def to_json(value: object) -> Any:
    """`value`, a dataclass of this package, as dicts, lists, strings and numbers."""
    return _adapter(type(value)).dump_python(value, mode="json")


def from_json(kind: type[Value], data: Mapping[str, Any], name: str) -> Value:
    """The value of class `kind` that `to_json` made `data` from; missing fields take their defaults.

    Args:
        name: of the document, for the error.

    Raises:
        NewerDocumentError: there are fields that the class does not have.
    """
    try:
        return cast(Value, _adapter(kind).validate_python(data, extra="forbid"))
    except ValidationError as error:
        places = [one["loc"] for one in error.errors() if one["type"] in UNKNOWN_FIELD]
        if not places:
            raise
        unknown = ", ".join(".".join(map(str, place)) for place in places)
        raise NewerDocumentError(name, f"it has the unknown fields {unknown}") from None


def version_of(document: Mapping[str, Any], newest: int, name: str) -> int:
    """The version of a document; 0 for one of release 0.1.0.

    Raises:
        NewerDocumentError: it is above `newest`.
    """
    version = int(document.get(VERSION, 0))
    if version > newest:
        raise NewerDocumentError(name, f"its version is {version}, and this one reads up to {newest}")
    return version
