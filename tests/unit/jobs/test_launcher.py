"""The launcher begins again after an error."""

from __future__ import annotations

from pathlib import Path
from threading import Event

import pytest

from jobs.dagster_seams.launches import CodeServerAbsentError
from jobs.launcher import AFTER_ERROR_SECONDS, AGAIN_SECONDS, serve_launcher
from orders_pipeline.base.settings import Settings


class Stopping(Event):
    """Is set after the first pause."""

    paused: float | None = None

    def wait(self, timeout: float | None = None) -> bool:
        self.paused = timeout
        self.set()
        return True


@pytest.mark.parametrize(
    ("error", "pause"),
    [(CodeServerAbsentError("starting"), AGAIN_SECONDS), (OSError("store down"), AFTER_ERROR_SECONDS)],
    ids=["the code server starts", "an outage"],
)
def test_an_outage_does_not_fill_the_log(
    error: Exception, pause: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("jobs.launcher._serve", fail)
    stopping = Stopping()
    serve_launcher(Settings(home=tmp_path), "code.sock", "definitions", stopping)
    assert stopping.paused == pause
