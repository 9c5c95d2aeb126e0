"""Dates are read in the format that the whole column proves; otherwise, the user must name it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders_pipeline.order_files.columns.profile import DateOrder
from orders_pipeline.order_files.values.date_reading import read_dates
from orders_pipeline.order_files.values.dates import DateEvidence, DateRules, OpenDates, given_dates


def read(
    *values: str, zone: str = "UTC", option: str | None = None, short: DateOrder | None = None
) -> list[str]:
    """Each value in UTC, or the reject code."""
    column = pl.Series(values, dtype=pl.String)
    evidence = DateEvidence()
    evidence.add(column)
    rules = evidence.decide(given_dates(option), None, short)
    assert isinstance(rules, DateRules), rules
    table = read_dates(column, rules, zone)
    shown = pl.coalesce(pl.col("instant").dt.strftime("%Y-%m-%d %H:%M:%S"), "code")
    return table.select(shown).to_series().to_list()


def open_family(*values: str) -> OpenDates:
    evidence = DateEvidence()
    evidence.add(pl.Series(values))
    decided = evidence.decide(DateRules(), None, None)
    assert isinstance(decided, OpenDates), decided
    return decided


SINGLE = [
    ("2010-12-01 08:26:00", "2010-12-01 08:26:00"),
    ("2010-12-01", "2010-12-01 00:00:00"),
    ("2010-12-01T08:26:00", "2010-12-01 08:26:00"),
    ("2010-12-01T08:26:00Z", "2010-12-01 08:26:00"),
    ("2010-12-01 08:26", "2010-12-01 08:26:00"),
    ("2010/12/1 8:26", "2010-12-01 08:26:00"),
    ("2010-12-01 08:26:00.123456789", "2010-12-01 08:26:00"),
    ("20101201", "2010-12-01 00:00:00"),
    ("2025-12-06 10:37:33 -0500", "2025-12-06 15:37:33"),
    ("2025-12-06T10:37:33+05:30", "2025-12-06 05:07:33"),
    ("2025-12-06 10:37:33 UTC", "2025-12-06 10:37:33"),
    ("2025-12-06 10:37:33+02", "2025-12-06 08:37:33"),
    ("1-Dec-2010", "2010-12-01 00:00:00"),
    ("01 December 2010 08:26", "2010-12-01 08:26:00"),
    ("Dec 1, 2010", "2010-12-01 00:00:00"),
    ("December 1st, 2010 8:05 PM", "2010-12-01 20:05:00"),
    ("Wed, 01 Dec 2010 08:26:00 +0100", "2010-12-01 07:26:00"),
    ("1-Dec-10", "2010-12-01 00:00:00"),
    ("Dec-25-10 23:45:00", "2010-12-25 23:45:00"),
    ("Sep-18-2010", "2010-09-18 00:00:00"),
    ("25/12/2010", "2010-12-25 00:00:00"),
    ("12/25/2010 12:05 AM", "2010-12-25 00:05:00"),
    ("12/25/10 8:26", "2010-12-25 08:26:00"),
    ("31.12.99", "1999-12-31 00:00:00"),
    ("5/5/2010", "2010-05-05 00:00:00"),
    ("2010-13-01", "unreadable"),
    ("2010-02-30 10:00:00", "unreadable"),
    ("31/02/2010", "unreadable"),
    ("25/25/2010", "unreadable"),
    ("2010-12-01 25:00:00", "unreadable"),
    ("2010-12-01 10:15:60", "unreadable"),
    ("12-25/2010", "unreadable"),
    ("yesterday", "unreadable"),
    ("0000-00-00 00:00:00", "unreadable"),
    ("40513.35", "unreadable"),
    ("12/25/201", "unreadable"),
    ("1 Foo 2010", "unreadable"),
    ("2010-12-01 13:00 PM", "unreadable"),
    ("0010-12-01 00:00:00", "unreadable"),
]


@pytest.mark.parametrize(("text", "expected"), SINGLE)
def test_a_date_that_can_be_one_thing_only_is_read_as_that(text: str, expected: str) -> None:
    assert read(text) == [expected]


def test_one_value_decides_the_whole_column() -> None:
    assert read("1/12/2010", "13/12/2010")[0] == "2010-12-01 00:00:00"
    assert read("1/12/2010", "12/13/2010")[0] == "2010-01-12 00:00:00"


def test_a_column_that_fits_both_orders_stays_open() -> None:
    found = open_family("1/12/2010 08:26", "2/12/2010 09:00")
    assert found.example == "1/12/2010 08:26"
    assert found.orders == (DateOrder.DMY, DateOrder.MDY)


def test_days_equal_to_their_month_leave_nothing_open() -> None:
    assert read("1/1/2010", "12/12/2010") == ["2010-01-01 00:00:00", "2010-12-12 00:00:00"]


def test_a_given_date_format_wins() -> None:
    assert read("1/12/2010", option="MDY") == ["2010-01-12 00:00:00"]
    assert read("1/12/2010", option="dmy") == ["2010-12-01 00:00:00"]
    assert read("1/12/10", short=DateOrder.MDY) == ["2010-01-12 00:00:00"]
    assert read("1/12/2010", "2-3-2010", option="/4:MDY,-4:DMY") == [
        "2010-01-12 00:00:00",
        "2010-03-02 00:00:00",
    ]
    assert read("01|12|2010", option="%d|%m|%Y") == ["2010-12-01 00:00:00"]
    assert read("01.12.2010 05:00 +0200", option="%d.%m.%Y %H:%M %z") == ["2010-12-01 03:00:00"]


def test_each_way_of_writing_is_decided_separately() -> None:
    """Spreadsheets convert only dates that they understand; the others stay text with another separator."""
    assert read("31-07-2012", "05-06-2012", "7/31/2012", "5/6/2012") == [
        "2012-07-31 00:00:00",
        "2012-06-05 00:00:00",
        "2012-07-31 00:00:00",
        "2012-05-06 00:00:00",
    ]


def test_in_a_column_of_both_orders_only_what_can_be_one_thing_is_read() -> None:
    assert read("31/07/2012", "7/31/2012", "5/6/2012", "4/4/2012") == [
        "2012-07-31 00:00:00",
        "2012-07-31 00:00:00",
        "ambiguous",
        "2012-04-04 00:00:00",
    ]


def test_one_slip_in_a_hundred_does_not_make_a_column_mixed() -> None:
    dates = [f"{month}/{day}/2012" for month in range(1, 13) for day in range(13, 29)]
    assert read(*dates, "13/5/2012", "5/6/2012")[-2:] == ["unreadable", "2012-05-06 00:00:00"]


def test_short_years_with_dashes_may_stand_first() -> None:
    assert open_family("10-12-01").orders == (DateOrder.DMY, DateOrder.MDY, DateOrder.YMD)
    assert read("99-12-31", "10-12-01")[1] == "2010-12-01 00:00:00"


def test_naive_times_are_local_to_the_zone() -> None:
    assert read("2025-07-01 10:00:00", zone="Europe/Berlin") == ["2025-07-01 08:00:00"]
    assert read("7/13/2025 10:00", zone="America/New_York") == ["2025-07-13 14:00:00"]


def test_a_time_that_a_clock_change_skips_or_repeats_is_still_read() -> None:
    assert read("2025-03-30 02:30:00", zone="Europe/Berlin") == ["2025-03-30 01:30:00"]
    assert read("2025-10-26 02:30:00", zone="Europe/Berlin") == ["2025-10-26 00:30:00"]


@given(
    moment=st.datetimes(datetime(1970, 1, 1), datetime(2068, 12, 31)),  # noqa: DTZ001
    pattern=st.sampled_from(
        [
            "%Y-%m-%d %H:%M:%S",
            "%Y-%m-%dT%H:%M:%SZ",
            "%d %b %Y %H:%M:%S",
            "%Y%m%d%H%M%S",
            "%d.%m.%Y %H:%M:%S",
            "%m/%d/%y %I:%M:%S %p",
        ]
    ),
    zone=st.sampled_from(
        ["UTC", "Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kolkata"]
    ),
)
def test_any_moment_is_read_as_python_reads_it(moment: datetime, pattern: str, zone: str) -> None:
    moment = moment.replace(microsecond=0)
    order = {"%d.": "DMY", "%m/": "MDY"}.get(pattern[:3])
    own = UTC if pattern.endswith("Z") else ZoneInfo(zone)
    expected = moment.replace(tzinfo=own).astimezone(UTC)
    [found] = read(moment.strftime(pattern), zone=zone, option=order)
    assert datetime.fromisoformat(found).replace(tzinfo=UTC) - expected in {
        timedelta(0),
        timedelta(minutes=30),
    }
