"""Which of two waiting steps runs first."""

from __future__ import annotations

import pytest

from jobs.imports.runs.ops import finalize_orders, roll_back_orders
from jobs.workers.priorities import (
    FEW_BATCHES,
    HIGHEST,
    LOWEST,
    RUN_TAG,
    Priority,
    message_priority,
    priority_tag,
    step_priority,
)

MANY, NOT_KNOWN_YET = FEW_BATCHES.stop, 0


def of(step: Priority | None, batches: int = MANY, run: str | None = None) -> int:
    """Priority of a step, for a file with this number of batches and a run with this tag."""
    step_tags = {} if step is None else priority_tag(step)
    return step_priority(step_tags, {} if run is None else {RUN_TAG: run}, batches)


def test_what_was_begun_ends_first() -> None:
    assert of(Priority.BEGIN) < of(Priority.GO_ON) < of(Priority.END)


def test_a_step_without_a_priority_is_other_work() -> None:
    assert of(None) == of(Priority.OTHER_WORK)


@pytest.mark.parametrize("batches", [FEW_BATCHES.start, FEW_BATCHES.stop - 1])
def test_no_step_of_a_few_batches_overtakes_another_but_the_rollback(batches: int) -> None:
    assert of(Priority.BEGIN, batches) == of(Priority.GO_ON, batches) == of(Priority.END, batches)
    assert of(Priority.UNDO, batches) < of(Priority.GO_ON)


def test_a_rollback_leaves_a_batch_to_its_completion() -> None:
    undo, complete = roll_back_orders.tags, finalize_orders.tags
    for batches in (FEW_BATCHES.start, MANY):
        assert step_priority(undo, {}, batches) < step_priority(complete, {}, batches)
    assert step_priority(undo, {}, MANY) > of(Priority.BEGIN)


def test_a_file_of_one_batch_comes_before_every_step_of_a_large_one() -> None:
    assert of(Priority.BEGIN, 1) > of(Priority.END, MANY)
    assert of(Priority.BEGIN, NOT_KNOWN_YET) == of(Priority.BEGIN, MANY)


def test_the_tag_of_the_run_is_added() -> None:
    assert of(Priority.GO_ON, run="3") == of(Priority.GO_ON) + 3
    assert of(Priority.GO_ON, run="-2") == of(Priority.GO_ON) - 2


@pytest.mark.parametrize("value", ["urgent", "", "1.5", "--"])
def test_a_tag_that_is_no_number_changes_nothing(value: str) -> None:
    assert of(Priority.GO_ON, run=value) == of(Priority.GO_ON)


def test_a_priority_stays_within_what_brokers_know() -> None:
    assert of(Priority.END, 1, run="99") == HIGHEST
    assert of(Priority.BEGIN, run="-99") == LOWEST


@pytest.mark.parametrize(
    ("broker", "expected"),
    [
        ("amqp://rabbit", HIGHEST),
        ("amqps://rabbit", HIGHEST),
        ("redis://here", LOWEST),
        ("rediss://here", LOWEST),
    ],
)
def test_each_broker_gets_priorities_in_its_own_terms(broker: str, expected: int) -> None:
    assert message_priority(HIGHEST, broker) == expected
    assert message_priority(LOWEST, broker) == HIGHEST - expected
