"""What is stored about an error: where it occurred, but none of the values involved."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError

from orders_pipeline.base.telemetry.stack_trace import message_of, stack_trace
from orders_pipeline.imports.state.tries import PoisonBatchError

CUSTOMER = "Ada Lovelace"


def caught(error: Exception, cause: Exception | None = None) -> Exception:
    with pytest.raises(type(error)) as raised:
        raise error from cause
    return raised.value


def test_our_own_errors_are_reported_in_full() -> None:
    assert message_of(PoisonBatchError("batch 3 of 'a.csv'")) == "batch 3 of 'a.csv'"


@pytest.mark.parametrize(
    "error",
    [
        ValueError(f"could not convert '{CUSTOMER}' to a number"),
        KeyError(CUSTOMER),
        RuntimeError(f"bad row\n{CUSTOMER}, 12 Main Street"),
        IntegrityError(
            "INSERT INTO customers VALUES (%s)",
            (CUSTOMER,),
            RuntimeError(f'violates a constraint "uq"\nDETAIL: Failing row contains ({CUSTOMER}).'),
        ),
    ],
)
def test_a_value_that_an_error_quotes_is_left_out(error: Exception) -> None:
    raised = caught(error, cause=caught(ValueError(f"at '{CUSTOMER}'")))
    shown = message_of(raised) + stack_trace(raised)
    assert CUSTOMER not in shown
    assert type(error).__name__ in shown


def test_the_trace_shows_the_frames_of_the_error_and_of_what_led_to_it() -> None:
    cause = caught(ConnectionRefusedError(111, "Connection refused"))
    shown = stack_trace(caught(RuntimeError("no gateway"), cause))
    assert shown.index("Connection refused") < shown.index("which led to") < shown.index("no gateway")
    assert shown.count("in caught") == 2


def test_an_error_raised_from_none_hides_what_it_came_of() -> None:
    def hide() -> None:
        try:
            raise ValueError("hidden")
        except ValueError:
            raise RuntimeError("shown") from None

    with pytest.raises(RuntimeError) as raised:
        hide()
    assert "hidden" not in stack_trace(raised.value).replace('raise ValueError("hidden")', "")
