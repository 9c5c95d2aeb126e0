"""Files that arrive in parts: an upload that fails on a full disk does not affect others."""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from orders_pipeline.base.settings import Settings
from orders_pipeline.console.page_data.mapped import kept_proposal
from orders_pipeline.order_files.read_options import ReadOptions
from orders_pipeline.staging.staging import open_staging
from orders_pipeline.staging.uploads import begin_upload, uploads_of


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Limits files to this size, as a nearly full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_an_upload_that_a_full_disk_cut_short_stops_nobody_elses(tmp_path: Path) -> None:
    staging = open_staging(Settings(home=tmp_path))
    with room_for(10), pytest.raises(OSError, match="File too large"):
        begin_upload(staging, "a.csv", 5, "user:ada")
    begin_upload(staging, "b.csv", 5, "user:bob")
    assert [one.name for one in uploads_of(staging, "user:bob")] == ["b.csv"]


def test_a_draft_that_a_full_disk_cut_short_is_made_again(tmp_path: Path) -> None:
    upload = begin_upload(open_staging(Settings(home=tmp_path)), "a.csv", 5, "user:ada")
    upload.file.write_text(
        "Nr;Kunde;Artikel;Menge;Preis;Datum\n1;Ada;A1;2;3,50;31.12.2025\n", encoding="utf-8"
    )
    with room_for(10), pytest.raises(OSError, match="File too large"):
        kept_proposal(upload, ReadOptions())
    made = kept_proposal(upload, ReadOptions())
    assert kept_proposal(upload, ReadOptions()) == made
