"""Stored documents: frozen values as JSON, with a version.

A field with a default can be added without a new version. Any other change needs a new version, and a reader
that still accepts the older ones. Documents of release 0.1.0 have no version.
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
    """A newer version of the software wrote a stored document, and this version cannot read it."""

    code = "newer_document"
    hint = "Use the same version of orders-pipeline on all machines of this store."

    def __init__(self, name: str, detail: str) -> None:
        self.message = f"{name} was written by a newer version of orders-pipeline: {detail}."
        super().__init__(self.message)


def to_json(value: object) -> Any:
    """Converts a dataclass of this package to dicts, lists, strings and numbers."""
    return _adapter(type(value)).dump_python(value, mode="json")


def from_json(kind: type[Value], data: Mapping[str, Any], name: str) -> Value:
    """Converts the output of `to_json` back to a value of class `kind`; missing fields get their defaults.

    Args:
        name: name of the document, for the error message.

    Raises:
        NewerDocumentError: the document has fields that the class does not have.
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
    """Returns the version of a document; 0 for a document of release 0.1.0.

    Raises:
        NewerDocumentError: the version is above `newest`.
    """
    version = int(document.get(VERSION, 0))
    if version > newest:
        raise NewerDocumentError(
            name, f"its version is {version}, but this release reads versions up to {newest}"
        )
    return version
