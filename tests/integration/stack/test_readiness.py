"""Waiting for programs: what they use may vanish meanwhile."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from cli.stack.broker import asking
from cli.stack.errors import StackError
from cli.stack.layout import Layout
from cli.stack.readiness import wait_for_program
from tests.services import running_redis


def test_a_broker_that_vanishes_between_two_questions_is_no_answer() -> None:
    with ExitStack() as server:
        url = server.enter_context(running_redis())
        with asking(url, "worker@nowhere") as answers:
            assert not answers()
            server.close()
            assert not answers()
            assert not answers()


def test_waiting_ends_if_the_supervisor_is_killed(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "home")
    layout.prepare()
    with pytest.raises(StackError) as told:
        wait_for_program(layout, "api", lambda: False)
    assert told.value.code == "supervisor_killed"
