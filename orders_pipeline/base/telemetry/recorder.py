"""The interface of a recorder of spans: ids, attributes, and calls."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

Attributes = Mapping[str, str | int | float | bool]


class SpanId(NamedTuple):
    """A span of any process: 128 bits for its trace, and 64 bits for the span."""

    trace: int
    span: int


class Recorder(Protocol):
    """Records spans, and sends them in the background."""

    def span(
        self, name: str, attributes: Attributes, parent: SpanId | None = None
    ) -> AbstractContextManager[None]:
        """A span for what happens in this context. An exception marks it as failed."""

    def add(
        self,
        name: str,
        began_ns: int,
        attributes: Attributes,
        parent: SpanId | None = None,
        failed: str = "",
        ended_ns: int | None = None,
    ) -> None:
        """Adds a span of a call to another system, which ends now unless an end is given."""

    def add_root(self, span: SpanId, name: str, began_ns: int, ended_ns: int, attributes: Attributes) -> None:
        """Adds the span that other spans name as their parent."""

    def in_span(self) -> bool:
        """Whether a span is open in this thread."""

    def close(self) -> None:
        """Sends the spans that wait, and stops."""
