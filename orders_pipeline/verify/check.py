"""The result of a check of the stores. A check that cannot run fails with its reason; others go on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from orders_pipeline.base.telemetry.stack_trace import message_of

EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Check:
    """One statement about the stores: whether it holds, and which rows violate it."""

    name: str
    ok: bool
    detail: str


def check_none(name: str, violations: Iterable[Mapping[str, Any]]) -> Check:
    """A check that holds if there are no violations. Otherwise it names a few of them.

    It fails if the violations cannot be determined.
    """
    try:
        shown = list(islice(violations, EXAMPLES))
    except Exception as error:  # noqa: BLE001 a check that cannot run must not end the others
        return could_not_run(name, error)
    if not shown:
        return Check(name, True, "holds")
    examples = "; ".join(", ".join(f"{key} {value}" for key, value in row.items()) for row in shown)
    return Check(name, False, f"violated, for example: {examples}")


def checks_of(names: Iterable[str], run: Callable[[], list[Check]]) -> list[Check]:
    """The checks of a function, or a failed check for each name if they cannot run."""
    try:
        return run()
    except Exception as error:  # noqa: BLE001 checks that cannot run must not end the others
        return [could_not_run(name, error) for name in names]


def could_not_run(name: str, error: Exception) -> Check:
    """A failed check with its reason, which contains no values of rows."""
    return Check(name, False, f"could not run: {message_of(error)}")
