"""The Celery worker of the peer."""

from __future__ import annotations

from benchmarks.peer_chain import app, configure

configure()

__all__ = ["app"]
