"""The limit of bad lines is a number, or a share of the records."""

from __future__ import annotations

from pathlib import Path

import pytest

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.parsed_file import ParsedFile
from orders_pipeline.order_files.rejects.limit import RejectLimit
from tests.unit.order_files.files import line, order_file
from tests.unit.order_files.parsing import parse


@pytest.fixture
def parsed(tmp_path: Path) -> ParsedFile:
    """Three bad lines among twenty."""
    lines = [line(str(n), quantity="x" if n < 3 else "1") for n in range(20)]
    return parse(order_file(tmp_path, *lines), tmp_path / "parsed").parsed


@pytest.mark.parametrize("limit", ["0", "2", "0%", "10%", "14.99%"])
def test_more_bad_lines_than_allowed_refuse_the_file(parsed: ParsedFile, limit: str) -> None:
    asked = RejectLimit.parse(limit)
    assert asked.is_exceeded(parsed)
    refused = asked.refusal("orders.csv", parsed)
    assert refused.code == "too_many_rejects"
    assert "3 of 20 records are bad (3 quantity_unreadable)" in refused.message


@pytest.mark.parametrize("limit", ["3", "1000000", "15%", "15.0 %", " 100% "])
def test_as_many_as_allowed_do_not(parsed: ParsedFile, limit: str) -> None:
    assert not RejectLimit.parse(limit).is_exceeded(parsed)


@pytest.mark.parametrize("limit", ["", "x", "-1", "5.5", "101%", "%", "1e3", "five", "1,000", "nan", "٣"])
def test_what_is_no_limit_is_refused(limit: str) -> None:
    with pytest.raises(FileRefused) as refused:
        RejectLimit.parse(limit)
    assert refused.value.code == "option_invalid"
