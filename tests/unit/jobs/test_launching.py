"""Which waiting files share a run, and how many runs are launched at once."""

from __future__ import annotations

import pytest

from jobs.imports.launching.launching import Launched, LaunchLimits, choose
from orders_pipeline.imports.state.to_launch import ToLaunch

LIMITS = LaunchLimits(small_bytes=100, more_than=3, files_a_run=5, shared_runs=2, own_runs=10, at_once=4)


def small(*names: str) -> list[ToLaunch]:
    return [ToLaunch(name, 100, 0) for name in names]


def large(*names: str) -> list[ToLaunch]:
    return [ToLaunch(name, 101, 0) for name in names]


def chosen(waiting: list[ToLaunch], launched: Launched | None = None) -> tuple[str, list[str]]:
    """Names of the files that run alone, and of the groups that share a run."""
    found = choose(waiting, launched or Launched(), LIMITS)
    return _names(found.alone), [_names(group) for group in found.together]


def _names(files: list[ToLaunch]) -> str:
    return "".join(file.key for file in files)


def test_a_few_small_files_run_alone() -> None:
    assert chosen(small(*"abc")) == ("abc", [])


def test_many_small_files_share_runs_and_the_oldest_come_first() -> None:
    assert chosen(small(*"abcdefg")) == ("", ["abcde", "fg"])


def test_larger_files_run_at_the_same_time() -> None:
    assert chosen([*small(*"abc"), *large(*"XY"), *small(*"de")]) == ("XY", ["abcde"])


def test_a_file_that_a_run_has_worked_on_runs_alone() -> None:
    again = ToLaunch("R", 1, 0, awaits_run=False)
    assert chosen([again, *small(*"abcd")]) == ("R", ["abcd"])


def test_the_rest_waits_until_shared_runs_have_ended() -> None:
    waiting = small(*"abcdefghijklmn")
    assert chosen(waiting) == ("", ["abcde", "fghij"])
    under_way = Launched(frozenset("abcde"), shared_runs=1)
    assert chosen(waiting, under_way) == ("", ["fghij"])
    assert chosen(waiting, Launched(frozenset("abcdefghij"), shared_runs=2)) == ("", [])


@pytest.mark.parametrize(("own_runs", "expected"), [(0, "ABCD"), (7, "ABC"), (10, ""), (12, "")])
def test_the_rest_waits_until_runs_of_single_files_have_ended(own_runs: int, expected: str) -> None:
    assert chosen(large(*"ABCDEF"), Launched(own_runs=own_runs)) == (expected, [])


def test_small_files_wait_for_no_larger_one() -> None:
    assert chosen([*large(*"ABC"), *small(*"abcd")], Launched(own_runs=10)) == ("", ["abcd"])


def test_what_is_launched_is_not_launched_again() -> None:
    waiting = [*large("A"), *small(*"abcdef")]
    assert chosen(waiting, Launched(frozenset("Aab"), 1, 1)) == ("", ["cdef"])
    # Too few files are left to share a run.
    assert chosen(waiting, Launched(frozenset("Aabcd"), 1, 1)) == ("ef", [])


def test_a_few_small_files_share_a_run_while_many_runs_of_single_files_are_under_way() -> None:
    assert chosen(small(*"ab"), Launched(own_runs=1)) == ("ab", [])
    assert chosen(small(*"ab"), Launched(own_runs=2)) == ("", ["ab"])


def test_many_reopened_imports_share_runs_and_a_few_are_left_to_the_watchdog() -> None:
    reopened = [ToLaunch(name, 100, None) for name in "abcd"]
    assert chosen(reopened) == ("", ["abcd"])
    assert chosen(reopened[:3]) == ("", [])
    assert chosen([*reopened[:2], *small(*"ef")]) == ("", ["abef"])
