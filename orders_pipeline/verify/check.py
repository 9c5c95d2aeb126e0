"""The result of a check of the stores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Check:
    """One statement about the stores: whether it holds, and which rows violate it."""

    name: str
    ok: bool
    detail: str


def check_none(name: str, violations: Iterable[Mapping[str, Any]]) -> Check:
    """A check that holds if there are no violations. Otherwise it names a few of them."""
    shown = list(islice(violations, EXAMPLES))
    if not shown:
        return Check(name, True, "holds")
    told = "; ".join(", ".join(f"{key} {value}" for key, value in row.items()) for row in shown)
    return Check(name, False, f"violated, for example: {told}")
