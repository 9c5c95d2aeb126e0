"""Documents that people write have lines of at most 120 characters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from orders_pipeline.base.settings import PROJECT_ROOT

AT_MOST = 120
GENERATED = {"data-dictionary.md", "questions.md"}
# Tables and pictures cannot be wrapped.
LONG = ("|", "![")


def prose(document: Path) -> Iterator[tuple[int, str]]:
    """The lines of a document with their numbers, without those of code."""
    is_code = False
    for number, line in enumerate(document.read_text("utf-8").splitlines(), 1):
        is_code ^= line.lstrip().startswith("```")
        if not is_code and not line.startswith(LONG):
            yield number, line


def test_lines_of_documents_are_wrapped() -> None:
    documents = [*PROJECT_ROOT.glob("*.md"), *(PROJECT_ROOT / "docs").glob("*.md")]
    too_long = [
        f"{document.name}:{number}"
        for document in documents
        if document.name not in GENERATED
        for number, line in prose(document)
        if len(line) > AT_MOST
    ]
    assert len(documents) > 10
    assert too_long == []
