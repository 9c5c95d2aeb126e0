"""The commands that the documents show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from orders_pipeline.base.settings import PROJECT_ROOT

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a document: the tests run `console` blocks, while `sh` blocks need other machines."""

    page: Path
    language: str
    text: str


def pages() -> list[Path]:
    """Every document of the project."""
    return [*sorted(PROJECT_ROOT.glob("*.md")), *sorted((PROJECT_ROOT / "docs").glob("**/*.md"))]


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page, in order."""
    for language, text in BLOCK.findall(page.read_text("utf-8")):
        yield Block(page, language, text)


def commands(block: Block) -> Iterator[str]:
    """The lines of a block without comments; continued lines are joined."""
    for line in block.text.replace("\\\n", " ").splitlines():
        if stripped := re.sub(r"(^|\s)#.*", "", line).strip():
            yield stripped
