"""The documents of an import in the store: how its file is identified, and what parsing came to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from orders_pipeline.base.documents import VERSION, from_json, to_json, version_of
from orders_pipeline.imports.import_row import Import
from orders_pipeline.order_files.columns.identify import Identified
from orders_pipeline.order_files.parsed_file import ParsedFile
from orders_pipeline.order_files.read_options import ParseRules
from orders_pipeline.staging.keys import FileIdentity

IDENTIFIED_VERSION = 1
PARSED_VERSION = 1
_IDENTITY = ("companion_sha256", "said")


@dataclass(frozen=True, slots=True)
class Parsed:
    """What parsing a file came to, and the rules that it applied."""

    file: ParsedFile
    rules: ParseRules


def identified_document(identified: Identified, identity: FileIdentity | None) -> dict[str, Any]:
    """What `imports.identified` holds.

    Args:
        identity: what the file was staged as; None where release 0.1.0 staged it, which kept less.
    """
    more = {name: getattr(identity, name) for name in _IDENTITY} if identity else {}
    return {VERSION: IDENTIFIED_VERSION, **more, **to_json(identified)}


def identified_of(found: Import) -> Identified:
    """How the file of an import is read.

    Raises:
        NewerDocumentError: a newer version wrote it.
    """
    name = f"The note on how {found.file_name} is read"
    version_of(found.identified, IDENTIFIED_VERSION, name)
    left_out = {VERSION, *_IDENTITY}
    return from_json(Identified, {k: v for k, v in found.identified.items() if k not in left_out}, name)


def identity_of(found: Import) -> FileIdentity | None:
    """What the file of an import was staged as; None where release 0.1.0 staged it."""
    if not all(name in found.identified for name in _IDENTITY):
        return None
    return FileIdentity(found.file_sha256, *(found.identified[name] for name in _IDENTITY))


def parsed_document(parsed: Parsed) -> dict[str, Any]:
    """What `imports.parsed` holds."""
    return {VERSION: PARSED_VERSION, **to_json(parsed.file), "rules": to_json(parsed.rules)}


def parsed_of(found: Import) -> Parsed | None:
    """What parsing the file of an import came to; None before it was parsed.

    Raises:
        NewerDocumentError: a newer version wrote it.
    """
    if found.parsed is None:
        return None
    name = f"The note on what parsing {found.file_name} came to"
    document = dict(found.parsed)
    if version_of(document, PARSED_VERSION, name) == 0:
        document["export_note"] = document.pop("read_as")
    document.pop(VERSION, None)
    rules = from_json(ParseRules, document.pop("rules"), name)
    return Parsed(from_json(ParsedFile, document, name), rules)
