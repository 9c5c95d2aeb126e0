"""Traces for OpenTelemetry, which is loaded only if a collector is configured (`base/spans.py`)."""

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


_recorder: Recorder | None = None


def start_tracing(url: str) -> None:
    """Sends the spans of this process, and of processes forked from it, to a collector.

    Args:
        url: where the collector takes OTLP over HTTP; empty for no traces.
    """
    global _recorder  # noqa: PLW0603 as with logs, tracing concerns the whole process
    if url:
        from orders_pipeline.base.spans import OtlpRecorder  # noqa: PLC0415 it loads OpenTelemetry

        _recorder = OtlpRecorder(url)
    else:
        _recorder = None


def stop_tracing() -> None:
    """Sends the spans that wait, and ends tracing in this process."""
    global _recorder  # noqa: PLW0603
    if _recorder:
        _recorder.close()
    _recorder = None


def is_tracing() -> bool:
    """Whether there is a collector."""
    return _recorder is not None


def recorder() -> Recorder | None:
    """Records the spans of this process; None if there is no collector."""
    return _recorder
