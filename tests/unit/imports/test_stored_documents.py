"""Stored documents of older versions can be read, and those of newer versions are refused with a message."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from orders_pipeline.base.documents import NewerDocumentError
from orders_pipeline.imports.documents import (
    identified_document,
    identified_of,
    identity_of,
    parsed_document,
    parsed_of,
)
from orders_pipeline.imports.import_row import Import
from orders_pipeline.order_files.columns.identify import identify
from tests.old_imports import OldImport, old_import, old_imports

each_old_import = pytest.mark.parametrize("old", old_imports(), ids=lambda old: old.file)


def stored(document: dict[str, Any]) -> dict[str, Any]:
    """A document as it is returned from the store."""
    return dict(json.loads(json.dumps(document)))


@each_old_import
def test_how_a_file_was_read_by_0_1_0_is_what_this_version_finds_out(old: OldImport) -> None:
    before = identified_of(old.row)
    now = identify(old.path, before.profile, replace(before.options, companion=None))
    alike = {"companion": before.companion, "options": before.options, "findings": before.findings}
    assert replace(now, **alike) == before
    assert identity_of(old.row) is None


@each_old_import
def test_what_parsing_came_to_under_0_1_0_is_read(old: OldImport) -> None:
    parsed = parsed_of(old.row)
    if old.parsed is None:
        assert parsed is None
        return
    assert parsed is not None
    assert (parsed.file.records, parsed.file.export_note) == (old.parsed["records"], old.parsed["read_as"])
    assert parsed.rules.currency == "USD"
    assert sum(batch.lines for batch in parsed.file.batches) == parsed.file.records - (
        parsed.file.rejected_lines + parsed.file.lines_of_rejected_orders
    )
    assert (parsed.file.left_out_lines, parsed.file.repeated_lines, parsed.file.warnings) == (0, 0, ())
    assert (parsed.file.returns, parsed.file.return_lines) == (0, 0)


@each_old_import
def test_documents_are_written_with_a_version_and_read_as_they_were(old: OldImport) -> None:
    identified, parsed = identified_of(old.row), parsed_of(old.row)
    document = stored(identified_document(identified, old.identity))
    again = replace(old.row, identified=document, parsed=stored(parsed_document(parsed)) if parsed else None)
    assert document["version"] == 1
    assert again.parsed is None or again.parsed["version"] == 1
    assert (identified_of(again), parsed_of(again), identity_of(again)) == (identified, parsed, old.identity)


def newer(document: Any, *path: str) -> dict[str, Any]:
    """A document with one more field."""
    name, *rest = path
    return {**document, name: newer(document[name], *rest) if rest else "new"}


@pytest.mark.parametrize(
    "path", [("later",), ("options", "later"), ("profile", "later"), ("dialect", "comment")], ids=str
)
def test_an_unknown_field_in_how_a_file_is_read_is_refused_by_its_name(path: tuple[str, ...]) -> None:
    found = replace(old_import("plain.csv").row, identified=newer(old_import("plain.csv").identified, *path))
    with pytest.raises(NewerDocumentError, match=rf"plain\.csv was written by a newer .*{path[-1]}"):
        identified_of(found)


@pytest.mark.parametrize("path", [("frozen_lines",), ("rules", "capture")], ids=str)
def test_an_unknown_field_in_what_parsing_came_to_is_refused_by_its_name(path: tuple[str, ...]) -> None:
    found = replace(old_import("plain.csv").row, parsed=newer(old_import("plain.csv").parsed, *path))
    with pytest.raises(NewerDocumentError, match=path[-1]):
        parsed_of(found)


@pytest.mark.parametrize("column", ["identified", "parsed"])
def test_a_version_above_the_newest_is_refused_whatever_it_holds(column: str) -> None:
    found: Import = replace(old_import("plain.csv").row, **{column: {"version": 2, "other": "shape"}})
    with pytest.raises(NewerDocumentError, match="its version is 2, but this release reads versions up to 1"):
        identified_of(found) if column == "identified" else parsed_of(found)
