"""The documents of an import in the store: how to read its file, and the result of parsing it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from orders_pipeline.base.documents import VERSION, from_json, to_json, version_of
from orders_pipeline.imports.import_row import Import
from orders_pipeline.order_files.columns.identified import Identified
from orders_pipeline.order_files.parsed_file import ParsedFile
from orders_pipeline.order_files.read_options import ParseRules
from orders_pipeline.staging.keys import FileIdentity

IDENTIFIED_VERSION = 1
PARSED_VERSION = 1
_IDENTITY = ("companion_sha256", "said")


@dataclass(frozen=True, slots=True)
class Parsed:
    """The result of parsing a file, and the rules that were applied."""

    file: ParsedFile
    rules: ParseRules


def identified_document(identified: Identified, identity: FileIdentity | None) -> dict[str, Any]:
    """Makes the document for `imports.identified`.

    Args:
        identity: the identity of the staged file; None if release 0.1.0 staged it and did not save it.
    """
    more = {name: getattr(identity, name) for name in _IDENTITY} if identity else {}
    return {VERSION: IDENTIFIED_VERSION, **more, **to_json(identified)}


def identified_of(found: Import) -> Identified:
    """Returns how to read the file of an import.

    Raises:
        NewerDocumentError: a newer version wrote the document.
    """
    name = f"The document on how to read {found.file_name}"
    version_of(found.identified, IDENTIFIED_VERSION, name)
    left_out = {VERSION, *_IDENTITY}
    return from_json(Identified, {k: v for k, v in found.identified.items() if k not in left_out}, name)


def identity_of(found: Import) -> FileIdentity | None:
    """Returns the identity of the file of an import; None if release 0.1.0 staged it."""
    if not all(name in found.identified for name in _IDENTITY):
        return None
    return FileIdentity(found.file_sha256, *(found.identified[name] for name in _IDENTITY))


def parsed_document(parsed: Parsed) -> dict[str, Any]:
    """Makes the document for `imports.parsed`."""
    return {VERSION: PARSED_VERSION, **to_json(parsed.file), "rules": to_json(parsed.rules)}


def parsed_of(found: Import) -> Parsed | None:
    """Returns the result of parsing the file of an import; None if it is not parsed yet.

    Raises:
        NewerDocumentError: a newer version wrote the document.
    """
    if found.parsed is None:
        return None
    name = f"The document on the parsing of {found.file_name}"
    document = dict(found.parsed)
    if version_of(document, PARSED_VERSION, name) == 0:
        document["export_note"] = document.pop("read_as")
    document.pop(VERSION, None)
    rules = from_json(ParseRules, document.pop("rules"), name)
    return Parsed(from_json(ParsedFile, document, name), rules)
