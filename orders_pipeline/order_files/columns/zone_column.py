"""The section `[time_zone]` of a profile: a column that names the time zone of each time."""

from __future__ import annotations

from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, field_validator

# The column of a layout.
TIME_ZONE = "time_zone"


class ZoneColumn(BaseModel):
    """The section `[time_zone]`.

    Attributes:
        column: the column with the names; a file may lack it.
        names: the IANA time zone of each name that is none itself.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: str
    names: dict[str, str] = {}

    @field_validator("names")
    @classmethod
    def _known(cls, names: dict[str, str]) -> dict[str, str]:
        unknown = sorted(set(names.values()) - available_timezones())
        if unknown:
            raise ValueError(f"{unknown[0]!r} is not an IANA time zone such as Europe/London")
        return names

    def zone(self, name: str) -> str | None:
        """Returns the IANA time zone that a name in the column means; None if it is unknown."""
        return self.names.get(name) or (name if name in available_timezones() else None)
