"""Column profiles: data that maps the columns of one kind of file to the fields of order lines."""

from __future__ import annotations

import hashlib
import json
import tomllib
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from orders_pipeline.base.amounts.currency import MINOR_DIGITS
from orders_pipeline.base.amounts.quantities import QUANTITY_DIGITS
from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.columns.header_names import first_known
from orders_pipeline.order_files.columns.item_columns import absent_columns, item_groups
from orders_pipeline.order_files.columns.line_rules import LineRules
from orders_pipeline.order_files.columns.money_columns import AmountColumns, LineAmount, PaymentColumns
from orders_pipeline.order_files.columns.return_rules import ReturnRules
from orders_pipeline.order_files.columns.zone_column import ZoneColumn

PROFILE_NAME = r"^[a-z0-9][a-z0-9_-]{0,63}$"


class OrderField(StrEnum):
    """A field of an order line that a column can contain."""

    ORDER_NUMBER = "order_number"
    CUSTOMER_ID = "customer_id"
    CUSTOMER_NAME = "customer_name"
    SKU = "sku"
    PRODUCT_NAME = "product_name"
    QUANTITY = "quantity"
    UNIT_PRICE = "unit_price"
    LINE_TOTAL = "line_total"
    CURRENCY = "currency"
    ORDERED_AT = "ordered_at"
    CUSTOMER_EMAIL = "customer_email"
    CUSTOMER_LANGUAGE = "customer_language"
    PAYMENT_METHOD = "payment_method"
    CUSTOMER_REF = "customer_ref"


class DateOrder(StrEnum):
    """The order of day, month and year in a date written with numbers."""

    DMY = "DMY"
    MDY = "MDY"
    YMD = "YMD"


Names = Annotated[tuple[str, ...], Field(min_length=1)]

_NEEDED = (OrderField.ORDER_NUMBER, OrderField.SKU, OrderField.QUANTITY, OrderField.ORDERED_AT)
# These fields are read only if customers get notices.
CONTACT_FIELDS = (OrderField.CUSTOMER_EMAIL, OrderField.CUSTOMER_LANGUAGE)
# What a customer pays with, and who that is, as the payment gateway names them.
PAYER_FIELDS = (OrderField.PAYMENT_METHOD, OrderField.CUSTOMER_REF)
_PRICES = {OrderField.UNIT_PRICE, OrderField.LINE_TOTAL}
_STRICT = ConfigDict(frozen=True, extra="forbid")


class ItemFormat(StrEnum):
    """How one record contains several items of an order."""

    PAIRS = "pairs"
    JSON = "json"
    COLUMNS = "columns"
    LIST = "list"


class PackedItems(BaseModel):
    """The section `[items]`: several items of an order in one record.

    Attributes:
        format: `pairs`: keys and values, such as `name:Mug|sku:M1|quantity:2|total:9.00`. `json`: a list of
            objects. `columns`: columns of their own for each item. `list`: values by their places, such as
            `M1:2,M2:1`.
        columns: pattern of the column names, such as `line_item_*`; not set for the format `columns`.
        fields: key of each order field, or amount of a line, such as `total` or `product.sku`; for `columns`
            the name of its columns, such as `Item {n} SKU`; for `list` its place, such as `1`.
        separator: the character between two fields; `|`, for `list` `:`.
        assign: the character between a key and its value.
        between: the text between two items in one column; for `list` `,`; empty if a column has one item.
    """

    model_config = _STRICT

    format: ItemFormat = ItemFormat.PAIRS
    columns: str = ""
    fields: Annotated[dict[OrderField | LineAmount, str], Field(min_length=1)]
    separator: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    assign: Annotated[str, Field(min_length=1, max_length=1)] = ":"
    between: str | None = None

    @model_validator(mode="after")
    def _fits_format(self) -> Self:
        if (self.format is ItemFormat.COLUMNS) == bool(self.columns):
            raise ValueError('set `columns` to a pattern of names, except with `format = "columns"`')
        if self.format is ItemFormat.LIST:
            places = sorted(self.fields.values())
            if places != [str(at) for at in range(1, len(places) + 1)]:
                raise ValueError("the fields of a list are the places 1, 2 and so on, each used once")
        return self

    @property
    def field_separator(self) -> str:
        """The character between two fields."""
        return self.separator or (":" if self.format is ItemFormat.LIST else "|")

    @property
    def item_separator(self) -> str:
        """The text between two items in one column; empty if a column has one item."""
        default = "," if self.format is ItemFormat.LIST else ""
        return default if self.between is None else self.between

    def places(self, header: tuple[str, ...]) -> dict[str, int]:
        """Returns the positions (from 0) of the columns, by their names in a layout."""
        if self.format is ItemFormat.COLUMNS:
            return {
                f"item_{number}_{field.value}": at
                for number, group in item_groups(self.fields, header).items()
                for field, at in group.items()
            }
        return {f"item_{number}": at for number, at in enumerate(self._among(header))}

    def absent(self, header: tuple[str, ...]) -> list[str]:
        """Returns the names of the columns that `header` lacks."""
        if self.format is ItemFormat.COLUMNS:
            return absent_columns(self.fields, header)
        return [] if self._among(header) else [self.columns]

    @property
    def amounts(self) -> list[LineAmount]:
        """The amounts that items contain."""
        return [field for field in self.fields if isinstance(field, LineAmount)]

    def name_of(self, field: OrderField | LineAmount) -> str:
        """Returns the name under which reports show a field."""
        return f"{self.columns}: {self.fields[field]}" if self.columns else self.fields[field]

    def _among(self, header: tuple[str, ...]) -> list[int]:
        pattern = self.columns.casefold()
        return [at for at, name in enumerate(header) if fnmatchcase(name.strip().casefold(), pattern)]


class QuantityRules(BaseModel):
    """The section `[quantity]`: the largest number of decimals of quantities.

    Goods by weight have decimals.
    """

    model_config = _STRICT

    decimals: Annotated[int, Field(ge=0, le=QUANTITY_DIGITS)] = 0


class Companion(BaseModel):
    """A second file with order fields, joined by order number; `file` is a pattern of its name."""

    model_config = _STRICT

    file: str
    columns: dict[OrderField, Names]

    @field_validator("columns", mode="before")
    @classmethod
    def _single_names(cls, value: object) -> object:
        return _as_tuples(value)


class Profile(BaseModel):
    """Maps a file's columns to order fields.

    Attributes:
        columns: possible header names of each field.
        other_names: other names of a column, such as its translations, by its name.
        joined: columns whose texts are joined with spaces to one field.
        optional: fields whose columns may be missing.
        constants: fields that have one value for the whole file.
        values: replacements for values of a field.
        inherit: fields that take a blank value from another line of the same order.
        fallback: for each of these fields, the field that replaces a blank value.
        skip: values by column (`*`: any value) whose orders are skipped.
        lines: lines that are left out of their orders.
        quantity: how many decimals quantities may have.
        returns: which orders are returns, and whether they are accepted.
        amounts: columns with discounts, shipping, taxes and stated totals.
        payment: the column that says which orders are paid elsewhere.
        date_format: formats of dates, such as `%d.%m.%Y` or `excel`; the first one that fits a value is used.
        date_order: order of ambiguous numeric dates.
        short_date_order: the same, for two-digit years only.
        timezone: IANA time zone of times without an offset.
        time_zone: the column that names the time zone of each time.
    """

    model_config = _STRICT

    name: Annotated[str, Field(pattern=PROFILE_NAME)]
    description: str = ""
    columns: dict[OrderField, Names]
    other_names: dict[str, Names] = {}
    joined: dict[OrderField, Names] = {}
    optional: tuple[OrderField, ...] = ()
    constants: dict[OrderField, str] = {}
    values: dict[OrderField, dict[str, str]] = {}
    inherit: tuple[OrderField, ...] = ()
    fallback: dict[OrderField, OrderField] = {}
    skip: dict[str, Names] = {}
    lines: LineRules | None = None
    quantity: QuantityRules = QuantityRules()
    returns: ReturnRules | None = None
    items: PackedItems | None = None
    companion: Companion | None = None
    amounts: AmountColumns | None = None
    payment: PaymentColumns | None = None
    date_format: tuple[str, ...] = ()
    date_order: DateOrder | None = None
    short_date_order: DateOrder | None = None
    timezone: str | None = None
    time_zone: ZoneColumn | None = None
    decimal: Annotated[str, Field(pattern=r"^[.,]$")] | None = None
    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    escape: str | None = None

    @field_validator("columns", "other_names", "skip", mode="before")
    @classmethod
    def _single_names(cls, value: object) -> object:
        return _as_tuples(value)

    @field_validator("date_format", mode="before")
    @classmethod
    def _single_format(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str | None) -> str | None:
        try:
            return value and ZoneInfo(value).key
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"{value!r} is not an IANA time zone such as Europe/London") from error

    @model_validator(mode="after")
    def _complete(self) -> Self:
        given = self.given
        missing = [field.value for field in _NEEDED if field not in given]
        if missing:
            raise ValueError(f"{', '.join(missing)} needs a column or a constant")
        if len(_PRICES & given) != 1:
            raise ValueError("set either unit_price or line_total")
        if self.items and self.amounts:
            self.amounts.check_levels(self.items.amounts)
        if self.returns and self.owes_amounts:
            raise ValueError("returns in files with discounts, shipping or taxes are not supported")
        currency = self.constants.get(OrderField.CURRENCY)
        if currency is not None and currency not in MINOR_DIGITS:
            raise ValueError(f"{currency!r} is not an ISO 4217 code")
        return self

    @property
    def given(self) -> set[OrderField]:
        """The fields that have a column or a value in this profile."""
        packed = {f for f in self.items.fields if isinstance(f, OrderField)} if self.items else set()
        joined = set(self.companion.columns) if self.companion else set()
        return {*self.columns, *self.joined, *self.constants, *packed, *joined}

    @property
    def owes_amounts(self) -> AmountColumns | None:
        """How amounts add up to what an order owes; None if an order owes the sum of its lines."""
        if self.amounts is None and self.items and self.items.amounts:
            return AmountColumns()
        return self.amounts

    @property
    def price_field(self) -> OrderField:
        """The field that has the prices: `unit_price` or `line_total`."""
        return OrderField.LINE_TOTAL if OrderField.LINE_TOTAL in self.given else OrderField.UNIT_PRICE

    @property
    def required(self) -> tuple[OrderField, ...]:
        """The fields whose columns must be in the file."""
        return tuple(field for field in self.columns if field not in self.optional)

    @property
    def digest(self) -> str:
        """SHA-256 of the settings that the profile contains, without its description and TOML layout.

        Settings that the profile does not contain are left out, so that the digest stays the same when a new
        version adds settings.
        """
        said = self.model_dump(mode="json", exclude_unset=True, exclude={"description"})
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()

    @property
    def money_columns(self) -> dict[str, str]:
        """The header of each column of `amounts` and `payment`, by the name of its column in a layout."""
        sections = (self.amounts, self.payment)
        return {name: header for section in sections if section for name, header in section.named()}

    @property
    def left_out_columns(self) -> list[list[tuple[str, str, Names]]]:
        """The tables of `leave_out`: name of the column in a layout, its header, and the listed values."""
        tables = self.lines.tables() if self.lines else ()
        return [
            [(f"out_{at}_{number}", *column) for number, column in enumerate(table.items())]
            for at, table in enumerate(tables)
        ]

    def places(self, names: tuple[str, ...], header: tuple[str, ...]) -> list[int]:
        """Returns the positions of the first of several names, or of their other names, in `header`."""
        return first_known(
            tuple(known for name in names for known in (name, *self.other_names.get(name, ()))), header
        )

    def locate(self, header: tuple[str, ...]) -> dict[OrderField, int]:
        """Returns the position of each field whose column is in `header`."""
        places = {field: self.places(names, header) for field, names in self.columns.items()}
        return {field: found[0] for field, found in places.items() if found}

    def ambiguous(self, header: tuple[str, ...]) -> list[int]:
        """Returns the positions of the first columns that the same name of the profile fits.

        Empty if none.
        """
        places = [self.places(names, header) for names in self.columns.values()]
        places += [self.places((name,), header) for name in self._single_columns]
        return next((found for found in places if len(found) > 1), [])

    @property
    def _single_columns(self) -> list[str]:
        return [
            *(name for names in self.joined.values() for name in names),
            *self.skip,
            *(header for rule in self.left_out_columns for _, header, _ in rule),
            *self.money_columns.values(),
            *([self.returns.of] if self.returns and self.returns.of else ()),
            *([self.time_zone.column] if self.time_zone else ()),
        ]

    def fits(self, header: tuple[str, ...]) -> bool:
        """Whether `header` has all required columns.

        It is called for each row of a sample, so it must be fast.
        """
        number = self.columns.get(OrderField.ORDER_NUMBER)
        if number and OrderField.ORDER_NUMBER not in self.optional and not self.places(number, header):
            return False
        return not self.missing(header)

    def missing(self, header: tuple[str, ...]) -> list[str]:
        """Returns the names of the required columns that `header` lacks."""
        found = self.locate(header)
        absent = [" or ".join(self.columns[field]) for field in self.required if field not in found]
        needed = [
            name for field, names in self.joined.items() if field not in self.optional for name in names
        ]
        needed += self.amounts.required() if self.amounts else ()
        needed += self.payment.needed() if self.payment else ()
        # With a second file, a column of `skip` may be in either file.
        needed += [] if self.companion else self.skip
        needed += [header for rule in self.left_out_columns for _, header, _ in rule]
        needed += [self.returns.of] if self.returns and self.returns.of else []
        absent += [name for name in needed if not self.places((name,), header)]
        return absent + (self.items.absent(header) if self.items else [])


@cache
def built_in_profiles() -> dict[str, Profile]:
    """Returns the profiles that come with the package, by name."""
    folder = resources.files("orders_pipeline.order_files.columns").joinpath("profiles")
    files = [file for file in folder.iterdir() if file.name.endswith(".toml")]
    loaded = [parse_profile(file.read_text("utf-8"), file.name) for file in files]
    return {profile.name: profile for profile in sorted(loaded, key=lambda profile: profile.name)}


def is_built_in(profile: Profile) -> bool:
    """Whether a profile is one of those that come with the package."""
    return built_in_profiles().get(profile.name) == profile


def load_profile(name_or_path: str) -> Profile:
    """Loads a built-in profile by name, or a profile from a TOML file.

    Raises:
        FileRefused: there is no such profile, or its file is not valid.
    """
    known = built_in_profiles()
    if name_or_path in known:
        return known[name_or_path]
    path = Path(name_or_path)
    if not path.is_file():
        names = ", ".join(known)
        message = f"There is no profile {name_or_path!r}. The built-in profiles are {names}."
        raise FileRefused("profile_unknown", message, "Name one of them, or the path of a TOML file.")
    try:
        return parse_profile(path.read_text("utf-8"), path.name)
    except UnicodeDecodeError:
        raise FileRefused("profile_invalid", f"{path.name} is not UTF-8 text.", "Save it as UTF-8.") from None
    except OSError as error:
        message = f"{path.name} cannot be read: {error.strerror}."
        raise FileRefused("profile_invalid", message, "Check its permissions.") from None


def parse_profile(text: str, file_name: str) -> Profile:
    """Parses a profile from TOML text; its name defaults to the name of the file.

    Raises:
        FileRefused: the text is not a valid profile; the message says what is wrong.
    """
    try:
        return Profile.model_validate({"name": Path(file_name).stem.lower(), **tomllib.loads(text)})
    except tomllib.TOMLDecodeError as error:
        raise FileRefused(
            "profile_invalid", f"{file_name} is not valid TOML: {error}.", "Correct it."
        ) from None
    except ValidationError as error:
        problems = "; ".join(_problem(found) for found in error.errors())
        message = f"{file_name} is not a valid profile: {problems}."
        raise FileRefused("profile_invalid", message, "Compare it with the built-in profiles.") from None


def _problem(found: ErrorDetails) -> str:
    place = ".".join(map(str, found["loc"])) or "profile"
    if found["type"] == "extra_forbidden":
        return f"{place}: this version does not have this field"
    return f"{place}: {found['msg'].removeprefix('Value error, ')}"


def _as_tuples(value: object) -> object:
    if not isinstance(value, dict):
        return value
    return {key: (names,) if isinstance(names, str) else names for key, names in value.items()}
