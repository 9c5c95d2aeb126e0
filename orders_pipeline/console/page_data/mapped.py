"""The mapping of an uploaded file's columns: its draft, a person's choices, and the resulting profile."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import PurePath

from orders_pipeline.api.context import ApiContext
from orders_pipeline.base.documents import from_json, to_json
from orders_pipeline.base.files.secret_files import only_one_in, write_private
from orders_pipeline.console.page_data.looked_at import said_in
from orders_pipeline.imports.arrival.saved_profiles import with_saved_profile
from orders_pipeline.order_files.columns.profile import parse_profile
from orders_pipeline.order_files.proposals.mapping import (
    AMOUNTS,
    MORE,
    NEEDED,
    PRICE,
    PRICE_IS,
    PRICES,
    Document,
    base_of,
    base_of_profile,
    drafted_choices,
    kept,
    mapped_profile,
    place_of_choice,
)
from orders_pipeline.order_files.proposals.propose import Proposal, propose_profile
from orders_pipeline.order_files.proposals.shown_columns import ShownColumn, columns_of, first_rows
from orders_pipeline.order_files.proposals.table import Table
from orders_pipeline.order_files.read_options import ReadOptions
from orders_pipeline.order_files.reading_instructions import ReadingInstructions
from orders_pipeline.staging.uploads import Upload
from orders_pipeline.store.engine import reading

MAPPED = "mapped"
UNNAMED = "mapping"
DRAFT = "draft.json"
GROUPS = {"needed": NEEDED, "more": MORE, "amounts": AMOUNTS}
_NOTE = re.compile(r"(?P<judged>not sure|sure)?(?: \((?P<share>\d+%)\))?[:,]? ?(?P<why>.*)", re.DOTALL)
# Dates and numbers at the start and the end of a name.
_ENDS = re.compile(r"[\W\d_]+$|^[\W\d_]+")


@dataclass(frozen=True, slots=True)
class Draft:
    """The starting point of a mapping.

    Attributes:
        proposal: the draft with its reasons; None if the starting point is an existing profile.
        profile: the name of that profile, or empty.
    """

    base: Document
    table: Table
    proposal: Proposal | None
    profile: str = ""


@dataclass(frozen=True, slots=True)
class MappedField:
    """A field and its column.

    Attributes:
        choice: the position of a column, `keep`, or empty.
        kept: where the draft gets the field from, if that is not exactly one column.
        is_sure: whether the draft is sure about the column; None if it has no note about it.
    """

    name: str
    choice: str
    kept: str
    is_sure: bool | None
    why: str
    column: ShownColumn | None


def draft_of(context: ApiContext, upload: Upload, fields: Mapping[str, str]) -> Draft:
    """Drafts a mapping, or starts with an existing profile.

    Raises:
        FileRefused: the file has no table that can be mapped.
        Refused: 422, there is no such profile.
    """
    said = said_in(context, fields)
    table = first_rows(upload.file, said.options)
    if said.profile:
        with reading(context.engine) as connection:
            profile = with_saved_profile(connection, said).column_profile()
        if profile:
            return Draft(base_of_profile(profile), table, None, profile.name)
    proposal = kept_proposal(upload, said.options)
    return Draft(base_of(proposal.toml), table, proposal)


def kept_proposal(upload: Upload, options: ReadOptions) -> Proposal:
    """Returns the draft of `orders profile new`, cached because it takes several readings of the whole file.

    Raises:
        FileRefused: the file has no table that can be mapped.
    """
    kept_at, said = upload.folder / DRAFT, to_json(options)
    # A page and its preview request the draft at the same time.
    with only_one_in(upload.folder):
        if kept_at.exists():
            document = json.loads(kept_at.read_text("utf-8"))
            if document["said"] == said:
                return from_json(Proposal, document["proposal"], DRAFT)
        made = propose_profile(upload.file, options)
        write_private(kept_at, json.dumps({"said": said, "proposal": to_json(made)}))
    return made


def chosen_in(draft: Draft, fields: Mapping[str, str]) -> dict[str, str]:
    """Returns the choices in a URL, otherwise those of the draft."""
    return dict(fields) if MAPPED in fields else drafted_choices(draft.base, draft.table)


def mapped_toml(draft: Draft, upload: Upload, chosen: Mapping[str, str]) -> str:
    """Returns the profile with these choices as TOML text; required fields may be missing."""
    return mapped_profile(draft.base, draft.table, chosen, f"Columns of {upload.name}")


def mapped_instructions(context: ApiContext, toml: str, fields: Mapping[str, str]) -> ReadingInstructions:
    """Returns the instructions for reading a file with a mapping that was not saved yet.

    Raises:
        FileRefused: the mapping is not complete; the message says what is missing.
    """
    profile = parse_profile(toml, f"{UNNAMED}.toml")
    return replace(said_in(context, fields), profile=UNNAMED, saved=profile)


def mapped_fields(draft: Draft, chosen: Mapping[str, str]) -> dict[str, list[MappedField]]:
    """Returns the fields in groups, with their chosen columns."""
    columns, drafted = columns_of(draft.table), drafted_choices(draft.base, draft.table)
    return {
        group: [_field(draft, name, chosen.get(name, ""), drafted[name], chosen, columns) for name in names]
        for group, names in GROUPS.items()
    }


def _field(
    draft: Draft,
    name: str,
    choice: str,
    drafted: str,
    chosen: Mapping[str, str],
    columns: list[ShownColumn],
) -> MappedField:
    place = place_of_choice(choice, len(columns))
    field = chosen.get(PRICE_IS, "") if name == PRICE else name
    is_sure, why = _judged(draft, field) if choice == drafted else (None, "")
    # The draft may have the column as a unit price and the person may have chosen it as a line total.
    prices = [one.value for one in PRICES] if name == PRICE else [name]
    stands = next(filter(None, (kept(draft.base, one) for one in prices)), "")
    return MappedField(name, choice, stands, is_sure, why, None if place is None else columns[place])


def _judged(draft: Draft, field: str) -> tuple[bool | None, str]:
    note = draft.proposal.notes.get(field, "") if draft.proposal else ""
    found = _NOTE.fullmatch(note)
    if not found or not found["judged"]:
        return None, note
    return found["judged"] == "sure", found["why"]


def suggested_name(file_name: str) -> str:
    """Suggests a name for the profile of a file, without parts that change between files, such as a date."""
    stem = PurePath(file_name).stem.lower()
    plain = re.sub(r"[^a-z0-9_-]+", "_", _ENDS.sub("", stem))
    return plain.strip("_-")[:64] or "my_shop"
