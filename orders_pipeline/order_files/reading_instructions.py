"""What somebody said about how to read an order file, as one value."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from orders_pipeline.order_files.columns.profile import built_in_profiles, load_profile
from orders_pipeline.order_files.option import Option, option, options_of
from orders_pipeline.order_files.read_options import ReadOptions

# Written without quotes. ASCII alone: what counts as a letter beyond it changes with Unicode's versions.
_PLAIN = re.compile(r"[!#-\[\]-~]+")


@dataclass(frozen=True, slots=True)
class ReadingInstructions:
    """What somebody said about how to read an order file; None leaves a question to the file.

    `profile` is a name or the path of a TOML file. `source` says where the orders come from: it is part of
    their identity. `max_rejects` is a count (`100`) or a share (`5%`) of bad lines above which none of the
    orders enters.
    """

    profile: str | None = option("Column profile, or the path of one; else by the header.")
    source: str | None = option("Where the orders come from; else the profile's name.", at_launch=False)
    max_rejects: str | None = option("Refuse a file with more bad lines than this count (100) or share (5%).")
    options: ReadOptions = field(default_factory=ReadOptions)

    @property
    def words(self) -> str:
        """What was said, as a line that partition keys are made of: sorted words, as `decimal=, source=x`.

        A value with blanks, quotes or letters beyond ASCII is a JSON string. A profile of the user's own
        counts by the SHA-256 of what it says. A limit of rejects is left out: it lets a file in or keeps it
        out. So is the path of a companion, which counts by its content. Empty where nothing was said.

        Raises:
            FileRefused: there is no such profile, or it is not valid.
        """
        profile = _name_or_digest(self.profile) if self.profile else None
        said = {**self.options.said(), "profile": profile, "source": self.source or None, "companion": None}
        return " ".join(f"{name}={_word(said[name])}" for name in sorted(said) if said[name] is not None)


NOTHING_SAID = ReadingInstructions()


def all_options() -> list[Option]:
    """Everything that can be said about a file."""
    return [*options_of(ReadingInstructions), *options_of(ReadOptions)]


def instructions_from(values: Mapping[str, Any]) -> ReadingInstructions:
    """The instructions with these values by option; a missing one and None say nothing."""
    of_reading = {one.name for one in options_of(ReadOptions)}
    options = ReadOptions(**{name: value for name, value in values.items() if name in of_reading})
    others = {name: value or None for name, value in values.items() if name not in of_reading}
    return ReadingInstructions(**others, options=options)


def _word(value: object) -> str:
    text = str(value)
    return text if _PLAIN.fullmatch(text) else json.dumps(text)


def _name_or_digest(profile: str) -> str:
    return profile if profile in built_in_profiles() else f"sha256:{load_profile(profile).digest}"
