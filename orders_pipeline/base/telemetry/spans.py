"""Records spans with OpenTelemetry and sends them as OTLP over HTTP.

Spans are sent in the background. If the collector is down or too slow, spans are lost, and nothing else is.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    get_current_span,
    set_span_in_context,
)

from orders_pipeline.base.telemetry.recorder import Attributes, SpanId
from orders_pipeline.base.version import VERSION

SERVICE = "orders-pipeline"
# Each charge is a span, and a batch has 10,000 charges by default.
MOST_WAITING_SPANS = 65_536
SPANS_PER_REQUEST = 2_048
MILLISECONDS_BETWEEN_REQUESTS = 1_000


class OtlpRecorder:
    """Sends spans to a collector. A forked process opens its own sender when it records its first span.

    The variables of OpenTelemetry's exporter apply, for example `OTEL_EXPORTER_OTLP_HEADERS`.
    """

    def __init__(self, url: str) -> None:
        self._endpoint = f"{url.rstrip('/')}/v1/traces"
        self._process: int | None = None

    @contextmanager
    def span(self, name: str, attributes: Attributes, parent: SpanId | None = None) -> Iterator[None]:
        """A span for what happens in this context. An exception marks it as failed."""
        self._open()
        # An exception's message may quote rows of the store, so only its class is recorded.
        with self._tracer.start_as_current_span(
            name,
            _inside(parent),
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as opened:
            try:
                yield
            except BaseException as error:
                opened.set_status(Status(StatusCode.ERROR, type(error).__name__))
                raise

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
        self._open()
        added = self._tracer.start_span(
            name, _inside(parent), SpanKind.CLIENT, attributes, start_time=began_ns
        )
        if failed:
            added.set_status(Status(StatusCode.ERROR, failed))
        added.end(ended_ns or time.time_ns())

    def add_root(self, span: SpanId, name: str, began_ns: int, ended_ns: int, attributes: Attributes) -> None:
        """Adds the span that other spans name as their parent."""
        self._open()
        self._sender.on_end(
            ReadableSpan(
                name,
                _context(span),
                resource=self._resource,
                attributes=attributes,
                start_time=began_ns,
                end_time=ended_ns,
                instrumentation_scope=InstrumentationScope(SERVICE, VERSION),
            )
        )

    def in_span(self) -> bool:
        """Whether a span is open in this thread."""
        return get_current_span().is_recording()

    def close(self) -> None:
        """Sends the spans that wait, and stops."""
        if self._process == os.getpid():
            self._provider.shutdown()

    def _open(self) -> None:
        if self._process == os.getpid():
            return
        self._process = os.getpid()
        self._sender = BatchSpanProcessor(
            OTLPSpanExporter(self._endpoint),
            max_queue_size=MOST_WAITING_SPANS,
            max_export_batch_size=SPANS_PER_REQUEST,
            schedule_delay_millis=MILLISECONDS_BETWEEN_REQUESTS,
        )
        self._resource = Resource.create(
            {"service.name": SERVICE, "service.version": VERSION, "process.pid": self._process}
        )
        self._provider = TracerProvider(resource=self._resource, shutdown_on_exit=False)
        self._provider.add_span_processor(self._sender)
        self._tracer = self._provider.get_tracer(SERVICE, VERSION)


def _context(span: SpanId) -> SpanContext:
    return SpanContext(span.trace, span.span, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def _inside(parent: SpanId | None) -> Context | None:
    return set_span_in_context(NonRecordingSpan(_context(parent))) if parent else None
