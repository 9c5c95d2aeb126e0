"""The section `[time_zone]` of a profile: a column that names the time zone of each time."""

from __future__ import annotations

from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, field_validator

# The name of the column in a layout.
TIME_ZONE = "time_zone"


class ZoneColumn(BaseModel):
    """The section `[time_zone]`.

    Attributes:
        column: the column with the names; a file may lack it.
        names: the IANA time zone of each name that is not an IANA name itself.
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
        """Returns the IANA time zone of a name in the column; None if the name is unknown."""
        return self.names.get(name) or (name if name in available_timezones() else None)
