"""Traces for OpenTelemetry, which is loaded only if a collector is configured (`spans.py`)."""

from __future__ import annotations

from orders_pipeline.base.telemetry.recorder import Recorder

_recorder: Recorder | None = None


def start_tracing(url: str) -> None:
    """Sends the spans of this process, and of processes forked from it, to a collector.

    Args:
        url: where the collector takes OTLP over HTTP; empty for no traces.
    """
    global _recorder  # noqa: PLW0603 as with logs, tracing concerns the whole process
    if url:
        from orders_pipeline.base.telemetry.spans import OtlpRecorder  # noqa: PLC0415 it loads OpenTelemetry

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
