"""Bodies of requests that act on failed work and on the intake, and the shapes of their answers."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from orders_pipeline.api.models import Failure, Responses
from orders_pipeline.base.clock import to_microseconds
from orders_pipeline.base.model import FailureReason
from orders_pipeline.failed_work.chosen import Chosen

MOST_CHARACTERS = 500
NO_JSON: Responses = {400: {"model": Failure, "description": "The body is no JSON."}}
# PostgreSQL takes no NUL in a text.
Text = Annotated[str, Field(max_length=MOST_CHARACTERS, pattern=r"^[^\x00]*$")]


class _Choice(BaseModel):
    model_config = ConfigDict(extra="forbid")

    orders: list[Text] = Field([], max_length=1000, description="Order numbers.", examples=[["1001", "1002"]])
    file: Text | None = Field(
        None, description="Only those of this file: its partition key.", examples=[None]
    )
    source: Text | None = Field(None, description="Only those of this source.", examples=[None])
    dry_run: bool = Field(False, description="Tell what would be done, change nothing.")


class Retry(_Choice):
    """Which failed orders are tried again: those that meet all that is said; or which stalled imports."""

    reason: FailureReason | None = Field(None, description="Only orders that failed for this reason.")
    since: AwareDatetime | None = Field(None, description="Only orders that failed since then.")
    text: Text | None = Field(None, description="Only orders with this in their number or message.")
    all: bool = Field(
        False, description="All failed orders, where nothing else is said; cancelled ones stay."
    )
    stalled: bool = Field(
        False, description="Imports that stalled, instead of orders; with file and source only."
    )

    def chosen(self) -> Chosen:
        """The same for the core."""
        since = to_microseconds(self.since) if self.since else None
        numbers = tuple(dict.fromkeys(self.orders))
        return Chosen(numbers, self.source, self.file, self.reason, since, self.text)


class Cancel(_Choice):
    """Which orders that are not charged yet are cancelled, and why."""

    because: Text = Field("by an operator", description="Why, for the orders' stories.")

    def chosen(self) -> Chosen:
        """The same for the core."""
        return Chosen(tuple(dict.fromkeys(self.orders)), self.source, self.file)


class Pause(BaseModel):
    """Why the intake is paused."""

    model_config = ConfigDict(extra="forbid")

    because: Text = Field("", description="Whoever is refused meanwhile reads it.")


class Intake(BaseModel):
    """Whether new files are let in; if not, since when, by whom and why."""

    paused: bool
    since: str | None = Field(examples=["2025-11-11T12:00:00+00:00"])
    by: str | None = Field(examples=["cli:alice"])
    because: str | None


class Acted(BaseModel):
    """What was done, or would be."""

    dry_run: bool
    orders: int
    by_reason: dict[str, int] = Field(examples=[{"declined": 3}])
    by_file: dict[str, int]
    imports: list[str] = Field(description="Files whose imports are launched again by themselves.")


class FailedItem(BaseModel):
    """A failed order, step or import."""

    model_config = ConfigDict(extra="allow")

    reason: str
    message: str | None
    attempts: int
    failed_at: str
    file: str
    partition: str
    source: str


class FailedWork(BaseModel):
    """A page of each kind of failed work, and the counts of all by reason."""

    counts: dict[str, dict[str, int]]
    orders: list[FailedItem]
    steps: list[FailedItem]
    imports: list[FailedItem]
