"""The switch of the intake: while the intake is paused, no new file is imported. Running imports continue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, select

from orders_pipeline.access.audit import record_action
from orders_pipeline.base.clock import now_us, to_datetime
from orders_pipeline.store.schema import intake_pause
from orders_pipeline.store.statements.upsert import insert_into


@dataclass(frozen=True, slots=True)
class IntakePause:
    """Who paused the intake, when (microseconds since 1970, UTC) and why."""

    paused_at: int
    paused_by: str
    because: str

    def __str__(self) -> str:
        return f"the intake is paused by {self.paused_by}" + (f": {self.because}" if self.because else "")


class IntakePausedError(RuntimeError):
    """A new file cannot be imported while the intake is paused."""

    def __init__(self, file_name: str, pause: IntakePause) -> None:
        super().__init__(f"{file_name} is not imported now: {pause}")


def current_pause(connection: Connection) -> IntakePause | None:
    """The current pause, if there is one."""
    columns = (intake_pause.c.paused_at, intake_pause.c.paused_by, intake_pause.c.because)
    row = connection.execute(select(*columns)).one_or_none()
    return IntakePause(*row) if row else None


def pause_document(pause: IntakePause | None) -> dict[str, Any]:
    """Whether the intake is paused, since when, by whom and why, as clients see it."""
    if pause is None:
        return {"paused": False, "since": None, "by": None, "because": None}
    since = to_datetime(pause.paused_at).isoformat(timespec="seconds")
    return {"paused": True, "since": since, "by": pause.paused_by, "because": pause.because}


def pause_intake(connection: Connection, actor: str, because: str) -> IntakePause:
    """Pauses the intake. If it is paused already, only a new reason replaces the old one."""
    said = {"paused_by": actor, "because": because}
    new = insert_into(connection, intake_pause).values(id=1, paused_at=now_us(), **said)
    if because:
        new = new.on_conflict_do_update(index_elements=["id"], set_=said)
    else:
        new = new.on_conflict_do_nothing()
    connection.execute(new)
    record_action(connection, actor, "intake.pause", because=because)
    pause = current_pause(connection)
    if pause is None:
        raise RuntimeError("the pause just written is gone")
    return pause


def resume_intake(connection: Connection, actor: str) -> bool:
    """Resumes the intake; returns False if it was not paused."""
    resumed = connection.execute(delete(intake_pause)).rowcount > 0
    if resumed:
        record_action(connection, actor, "intake.resume")
    return resumed
