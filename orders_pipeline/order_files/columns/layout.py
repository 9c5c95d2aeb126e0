"""Chooses the columns to read from an identified file, and their names."""

from __future__ import annotations

from orders_pipeline.order_files.columns.identify import Identified
from orders_pipeline.order_files.columns.profile import OrderField, Profile
from orders_pipeline.order_files.columns.zone_column import TIME_ZONE
from orders_pipeline.order_files.records.record_layout import Layout

# A line inside a quoted field looks like a record if these fields are filled.
_TELLING = (OrderField.ORDER_NUMBER, OrderField.QUANTITY, OrderField.ORDERED_AT)


def order_layout(identified: Identified) -> Layout:
    """Returns the layout of a file.

    Its columns are the order fields, `skip_N` for `skip`, `out_N_M` for `leave_out`, `field+N` for `joined`,
    `item_N` or `item_N_field` for items, `shipping+N` and the like for `amounts`, and `payment_paid` and the
    like for `payment`.
    """
    profile, header = identified.profile, identified.header
    columns = {field.value: at for field, at in profile.locate(header).items()}
    needed = [columns[field] for field in _TELLING if field in columns]
    columns |= _named_columns(profile, header)
    if profile.items:
        columns |= profile.items.places(header)

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
    wanted |= {name: column for rule in profile.left_out_columns for name, column, _ in rule}
    places = {key: profile.places((name,), header) for key, name in wanted.items()}
    return {key: found[0] for key, found in places.items() if found}


def column_names(identified: Identified) -> dict[str, str]:
    """Returns the file's column name of each order field; joined fields list all their columns."""
    header = identified.header
    names = {field.value: header[at] for field, at in identified.profile.locate(header).items()}
    if profile_zone := identified.profile.time_zone:
        names[TIME_ZONE] = profile_zone.column
    names |= {field.value: " + ".join(parts) for field, parts in identified.profile.joined.items()}
    for name, column in identified.profile.money_columns.items():
        kind = name.partition("+")[0]
        names[kind] = f"{names[kind]} + {column}" if kind in names else column
    if items := identified.profile.items:
        names |= {field.value: items.name_of(field) for field in items.fields}
    return names
