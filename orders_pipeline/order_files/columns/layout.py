"""Chooses the columns to read from an identified file, and their names."""

from __future__ import annotations

from orders_pipeline.order_files.columns.identified import Identified
from orders_pipeline.order_files.columns.profile import CONTACT_FIELDS, OrderField, Profile
from orders_pipeline.order_files.columns.return_rules import NAMED
from orders_pipeline.order_files.columns.zone_column import TIME_ZONE
from orders_pipeline.order_files.records.record_layout import Layout

# A line inside a quoted field looks like a record of its own if these fields are filled.
_TELLING = (OrderField.ORDER_NUMBER, OrderField.QUANTITY, OrderField.ORDERED_AT)


def order_layout(identified: Identified, *, contacts: bool = False) -> Layout:
    """Returns the layout of a file.

    Its columns are the order fields, `skip_N` for `skip`, `out_N_M` for `leave_out`, `field+N` for `joined`,
    `item_N` or `item_N_field` for items, `shipping+N` and the like for `amounts`, `payment_paid` and the like
    for `payment`, and `return_of` for the order that a return names.

    Args:
        contacts: whether to read the customers' email addresses and languages.
    """
    profile, header = identified.profile, identified.header
    columns = {field.value: at for field, at in profile.locate(header).items()}
    needed = [columns[field] for field in _TELLING if field in columns]
    columns |= _named_columns(profile, header)
    if profile.items:
        columns |= profile.items.places(header)
    if not contacts:
        unread = set(CONTACT_FIELDS) - set(profile.fallback.values())
        columns = {name: at for name, at in columns.items() if name.partition("+")[0] not in unread}

    def looks_like_record(fields: list[str]) -> bool:
        number, *others = (fields[at].strip() for at in needed)
        return bool(number) and all(any(c.isdigit() for c in other[:4]) for other in others)

    return Layout(len(header), columns, identified.skip_records, looks_like_record)


def _named_columns(profile: Profile, header: tuple[str, ...]) -> dict[str, int]:
    wanted = {f"skip_{number}": name for number, name in enumerate(profile.skip)}
    for field, names in profile.joined.items():
        wanted |= {f"{field.value}+{number}": name for number, name in enumerate(names)}
    wanted |= profile.money_columns
    if profile.time_zone:
        wanted[TIME_ZONE] = profile.time_zone.column
    if profile.returns and profile.returns.of:
        wanted[NAMED] = profile.returns.of
    wanted |= {name: column for rule in profile.left_out_columns for name, column, _ in rule}
    places = {key: profile.places((name,), header) for key, name in wanted.items()}
    return {key: found[0] for key, found in places.items() if found}


def column_names(identified: Identified) -> dict[str, str]:
    """Returns the column name of each order field; joined fields list all their columns."""
    header = identified.header
    names = {field.value: header[at] for field, at in identified.profile.locate(header).items()}
    if profile_zone := identified.profile.time_zone:
        names[TIME_ZONE] = profile_zone.column
    if identified.profile.returns and identified.profile.returns.of:
        names[NAMED] = identified.profile.returns.of
    names |= {field.value: " + ".join(parts) for field, parts in identified.profile.joined.items()}
    for name, column in identified.profile.money_columns.items():
        kind = name.partition("+")[0]
        names[kind] = f"{names[kind]} + {column}" if kind in names else column
    if companion := identified.profile.companion:
        names |= {
            field.value: f"{' or '.join(columns)} (second file)"
            for field, columns in companion.columns.items()
            if field.value not in names
        }
    if items := identified.profile.items:
        names |= {field.value: items.name_of(field) for field in items.fields}
    return names
