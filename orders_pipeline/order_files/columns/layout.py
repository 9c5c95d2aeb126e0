"""Which columns of an identified file are read, and under which names."""

from __future__ import annotations

from orders_pipeline.order_files.columns.identify import Identified
from orders_pipeline.order_files.columns.profile import OrderField, Profile, plain_name
from orders_pipeline.order_files.records.record_layout import Layout

# What a line of its own must have in these fields to be taken for one.
_TELLING = (OrderField.ORDER_NUMBER, OrderField.QUANTITY, OrderField.ORDERED_AT)


def order_layout(identified: Identified) -> Layout:
    """Columns of order fields, of `skip` (`skip_N`), of `joined` (`field+N`), of packed items (`item_N`)."""
    profile, header = identified.profile, identified.header
    columns = {field.value: at for field, at in profile.locate(header).items()}
    needed = [columns[field] for field in _TELLING if field in columns]
    columns |= _named_columns(profile, header)
    if profile.items:
        columns |= {f"item_{number}": at for number, at in enumerate(profile.items.among(header))}

    def looks_like_record(fields: list[str]) -> bool:
        number, *others = (fields[at].strip() for at in needed)
        return bool(number) and all(any(c.isdigit() for c in other[:4]) for other in others)

    return Layout(len(header), columns, identified.skip_records, looks_like_record)


def _named_columns(profile: Profile, header: tuple[str, ...]) -> dict[str, int]:
    positions = {plain_name(name): at for at, name in reversed(list(enumerate(header)))}
    wanted = {f"skip_{number}": name for number, name in enumerate(profile.skip)}
    for field, names in profile.joined.items():
        wanted |= {f"{field.value}+{number}": name for number, name in enumerate(names)}
    return {key: positions[plain_name(name)] for key, name in wanted.items() if plain_name(name) in positions}


def column_names(identified: Identified) -> dict[str, str]:
    """The file's own name of the column of each order field; for joined ones all of them."""
    header = identified.header
    names = {field.value: header[at] for field, at in identified.profile.locate(header).items()}
    names |= {field.value: " + ".join(parts) for field, parts in identified.profile.joined.items()}
    if items := identified.profile.items:
        names |= {field.value: f"{items.columns}: {key}" for field, key in items.fields.items()}
    return names
