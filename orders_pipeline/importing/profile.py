"""Column profiles: how the columns of one kind of file become the fields of order lines. Data, no code."""

from __future__ import annotations

import re
import tomllib
from enum import StrEnum
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from orders_pipeline.currency import MINOR_DIGITS
from orders_pipeline.importing.errors import FileRefused


class OrderField(StrEnum):
    """What a column of an order file can mean."""

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
    ORDERED_TIME = "ordered_time"


class DateOrder(StrEnum):
    """The order of day, month and year in a date written with numbers."""

    DMY = "DMY"
    MDY = "MDY"
    YMD = "YMD"


Names = Annotated[tuple[str, ...], Field(min_length=1)]

_NEEDED = (OrderField.ORDER_NUMBER, OrderField.SKU, OrderField.QUANTITY, OrderField.ORDERED_AT)


class Profile(BaseModel):
    """Maps a file's columns to order fields.

    `columns` gives each field the header names it goes by, `optional` the fields that may be absent, `constants` the
    fields with one value for the whole file. Blank fields listed in `inherit` take the value that another line of
    their order has. `date_order` settles what numeric dates leave open, `short_date_order` only those with two-digit
    years. `skip` names columns, and the values (`*`: any) whose orders are not taken.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
    description: str = ""
    columns: dict[OrderField, Names]
    optional: tuple[OrderField, ...] = ()
    constants: dict[OrderField, str] = {}
    inherit: tuple[OrderField, ...] = ()
    fallback: dict[OrderField, OrderField] = {}
    skip: dict[str, Names] = {}
    date_order: DateOrder | None = None
    short_date_order: DateOrder | None = None
    decimal: Annotated[str, Field(pattern=r"^[.,]$")] | None = None
    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    escape: str | None = None

    @field_validator("columns", "skip", mode="before")
    @classmethod
    def _single_names(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        return {field: (names,) if isinstance(names, str) else names for field, names in value.items()}

    @model_validator(mode="after")
    def _complete(self) -> Self:
        given = set(self.columns) | set(self.constants)
        missing = [field.value for field in _NEEDED if field not in given]
        if missing:
            raise ValueError(f"no column and no constant for {', '.join(missing)}")
        if len({OrderField.UNIT_PRICE, OrderField.LINE_TOTAL} & given) != 1:
            raise ValueError("exactly one of unit_price and line_total is needed")
        currency = self.constants.get(OrderField.CURRENCY)
        if currency is not None and currency not in MINOR_DIGITS:
            raise ValueError(f"{currency!r} is not an ISO 4217 code")
        return self

    @property
    def price_field(self) -> OrderField:
        """The field that prices are read from."""
        return OrderField.LINE_TOTAL if OrderField.LINE_TOTAL in self.columns else OrderField.UNIT_PRICE

    @property
    def required(self) -> tuple[OrderField, ...]:
        """Fields whose column must be in the file."""
        return tuple(field for field in self.columns if field not in self.optional)

    def locate(self, header: tuple[str, ...]) -> dict[OrderField, int]:
        """Position of each field whose column is in `header`."""
        positions: dict[str, int] = {}
        for at, name in enumerate(header):
            positions.setdefault(plain_name(name), at)
        found = {}
        for field, names in self.columns.items():
            known = [positions[plain_name(name)] for name in names if plain_name(name) in positions]
            if known:
                found[field] = known[0]
        return found

    def missing(self, header: tuple[str, ...]) -> list[OrderField]:
        """Required fields that `header` has no column for."""
        found = self.locate(header)
        return [field for field in self.required if field not in found]


def plain_name(name: str) -> str:
    """A header name without case, blanks and punctuation, as names are compared."""
    return re.sub(r"[\W_]+", "", name.casefold())


@cache
def built_in_profiles() -> dict[str, Profile]:
    """The profiles that come with the package, by name."""
    folder = resources.files("orders_pipeline.importing").joinpath("profiles")
    loaded = [
        _parse(file.read_text("utf-8"), file.name) for file in folder.iterdir() if file.name.endswith(".toml")
    ]
    return {profile.name: profile for profile in sorted(loaded, key=lambda profile: profile.name)}


def load_profile(name_or_path: str) -> Profile:
    """A built-in profile by name, or one from a TOML file.

    Raises:
        FileRefused: there is no such profile, or its file is not valid.
    """
    known = built_in_profiles()
    if name_or_path in known:
        return known[name_or_path]
    path = Path(name_or_path)
    if not path.is_file():
        raise FileRefused(
            "profile_unknown",
            f"There is no profile {name_or_path!r}: known are {', '.join(known)}.",
            "Name one of them, or the path of a TOML file.",
        )
    try:
        return _parse(path.read_text("utf-8"), path.name)
    except UnicodeDecodeError:
        raise FileRefused("profile_invalid", f"{path.name} is not UTF-8 text.", "Save it as UTF-8.") from None


def _parse(text: str, name: str) -> Profile:
    try:
        return Profile.model_validate({"name": Path(name).stem, **tomllib.loads(text)})
    except tomllib.TOMLDecodeError as error:
        raise FileRefused("profile_invalid", f"{name} is not valid TOML: {error}.", "Correct it.") from None
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, e['loc'])) or 'profile'}: {e['msg']}" for e in error.errors()
        )
        raise FileRefused(
            "profile_invalid",
            f"{name} is not a valid profile: {problems}.",
            "Compare it with the built-in ones.",
        ) from None
