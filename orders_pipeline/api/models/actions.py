"""Request and response bodies for actions on failed work and on the intake."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from orders_pipeline.api.models.responses import Failure, Responses
from orders_pipeline.base.clock import to_microseconds
from orders_pipeline.base.model import FailureReason
from orders_pipeline.failed_work.chosen import Chosen

MOST_CHARACTERS = 500
NO_JSON: Responses = {
    400: {"model": Failure, "description": "The body is no JSON."},
    413: {"model": Failure, "description": "The body is larger than 1 MiB."},
}
LARGEST_ID = 2**53
Id = Annotated[int, Field(ge=0, le=LARGEST_ID)]
# PostgreSQL rejects NUL in text.
Text = Annotated[str, Field(max_length=MOST_CHARACTERS, pattern=r"^[^\x00]*$")]


class _Choice(BaseModel):
    model_config = ConfigDict(extra="forbid")

    orders: list[Text] = Field([], max_length=1000, description="Order numbers.", examples=[["1001", "1002"]])
    file: Text | None = Field(
        None, description="Only orders or imports of the file with this partition key.", examples=[None]
    )
    source: Text | None = Field(None, description="Only orders or imports of this source.", examples=[None])
    dry_run: bool = Field(False, description="Report what would be done, and change nothing.")


class Retry(_Choice):
    """Selects the failed orders to retry, which must meet all conditions; or the stalled imports to retry."""

    reason: FailureReason | None = Field(None, description="Only orders that failed for this reason.")
    since: AwareDatetime | None = Field(None, description="Only orders that failed at or after this time.")
    text: Text | None = Field(
        None, description="Only orders whose number or failure message contains this text."
    )
    all: bool = Field(
        False, description="All failed orders except cancelled ones, if no other condition is given."
    )
    stalled: bool = Field(
        False, description="Retry stalled imports instead of orders. Combines with file and source only."
    )

    def chosen(self) -> Chosen:
        """The selection as a value of the core."""
        since = to_microseconds(self.since) if self.since else None
        numbers = tuple(dict.fromkeys(self.orders))
        return Chosen(numbers, self.source, self.file, self.reason, since, self.text)


class Cancel(_Choice):
    """Selects the orders to cancel, which are not charged yet or authorized, and gives the reason."""

    because: Text = Field("by an operator", description="Reason, shown in the history of each order.")

    def chosen(self) -> Chosen:
        """The selection as a value of the core."""
        return Chosen(tuple(dict.fromkeys(self.orders)), self.source, self.file)


class Capture(_Choice):
    """Selects the authorized orders to capture."""

    all: bool = Field(False, description="All authorized orders, if no other condition is given.")

    def chosen(self) -> Chosen:
        """The selection as a value of the core."""
        return Chosen(tuple(dict.fromkeys(self.orders)), self.source, self.file)


class CapturesWanted(BaseModel):
    """Captures that were asked for, or would be."""

    dry_run: bool
    orders: int
    amounts: dict[str, str] = Field(
        description="Sums by currency, as decimal strings.", examples=[{"USD": "120.00"}]
    )


class Pause(BaseModel):
    """The reason for pausing the intake."""

    model_config = ConfigDict(extra="forbid")

    because: Text = Field("", description="Shown to senders whose files are refused during the pause.")


class Intake(BaseModel):
    """Whether new files are accepted; if not, since when, by whom and why."""

    paused: bool
    since: str | None = Field(examples=["2025-11-11T12:00:00+00:00"])
    by: str | None = Field(examples=["cli:alice"])
    because: str | None


class Acted(BaseModel):
    """What was done, or would be done."""

    dry_run: bool
    orders: int
    by_reason: dict[str, int] = Field(examples=[{"declined": 3}])
    by_file: dict[str, int]
    imports: list[str] = Field(description="Files whose imports are launched again automatically.")


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


class FailedFile(BaseModel):
    """A file of the inbox that cannot be imported."""

    id: int
    reason: str
    message: str
    hint: str
    file: str
    kept_as: str
    retry_asked: bool
    failed_at: str


class RetryFiles(BaseModel):
    """Selects the files in quarantine to try again."""

    model_config = ConfigDict(extra="forbid")

    ids: list[Id] = Field(min_length=1, max_length=1000, description="Ids of files in quarantine.")
    profile: Text | None = Field(
        None, description="Column profile to read them with. Default: by their header rows.", examples=[None]
    )


class Dismiss(BaseModel):
    """Selects files in quarantine and refused imports that are not going to be imported."""

    model_config = ConfigDict(extra="forbid")

    ids: list[Id] = Field([], max_length=1000, description="Ids of files in quarantine.")
    imports: list[Text] = Field([], max_length=1000, description="Partition keys of refused imports.")
    because: Text = Field("", description="Reason, for the audit trail.")


class FailedWork(BaseModel):
    """One page of each kind of failed work, and the total counts by reason."""

    counts: dict[str, dict[str, int]]
    orders: list[FailedItem]
    steps: list[FailedItem]
    imports: list[FailedItem]
    files: list[FailedFile]
