"""The runbook of an alert: its section of docs/runbooks.md, if the documentation is installed."""

from __future__ import annotations

import re
from functools import cache

from orders_pipeline.base.settings import PROJECT_ROOT

FILE = PROJECT_ROOT / "docs" / "runbooks.md"
PARAGRAPH = re.compile(r"\*\*(?P<title>[^*]+)\*\*\s+(?P<text>.+)", re.DOTALL)


def runbook(alert: str) -> list[tuple[str, str]]:
    """Returns the paragraphs of an alert's section, each with its title; none if there is no such section."""
    return _sections().get(alert, [])


@cache
def _sections() -> dict[str, list[tuple[str, str]]]:
    if not FILE.is_file():
        return {}
    parts = re.split(r"^## (\w+)$", FILE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return {name: _paragraphs(text) for name, text in zip(parts[::2], parts[1::2], strict=True)}


def _paragraphs(text: str) -> list[tuple[str, str]]:
    found = (PARAGRAPH.fullmatch(part.strip()) for part in text.split("\n\n"))
    return [(one["title"], " ".join(one["text"].split())) for one in found if one]
