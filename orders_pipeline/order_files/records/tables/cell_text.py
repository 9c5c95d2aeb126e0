"""Writes the typed values of workbooks, JSON and Parquet as text, as a CSV file would contain them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

# A float holds 15 decimal digits. Spreadsheets show no more; further digits are noise.
DIGITS = 15

_LAST_SERIAL = 2_958_466
_EPOCH_1900, _EPOCH_1904 = datetime(1899, 12, 30), datetime(1904, 1, 1)  # noqa: DTZ001 dates have no zone
_MILLISECONDS_A_DAY = 86_400_000


@dataclass(frozen=True, slots=True)
class CellText:
    """Writes numbers with the decimal separator `decimal`, so that the profile's other settings fit."""

    decimal: str = "."

    def number(self, value: float) -> str:
        """Writes a float: `0.3` for 0.30000000000000004, `1001` for 1001.0.

        A number of more than 15 digits keeps its exponent, because its last digits are lost.
        """
        text = f"{value:.{DIGITS}g}"
        if "e-" in text:
            text = f"{Decimal(text):f}"
        return self._separated(text) if "e" not in text else text.upper()

    def token(self, token: str) -> str:
        """Writes a number of a JSON text; only digits that are float noise are removed."""
        if "e" in token or "E" in token or (len(token) > DIGITS and repr(float(token)) == token):
            return self.number(float(token))
        return self._separated(token.rstrip("0").rstrip(".") if token.endswith(".0") else token)

    def _separated(self, text: str) -> str:
        whole, point, part = text.partition(".")
        # With three decimals, the separator could be read as one of thousands. A fourth decimal prevents
        # that.
        return whole + self.decimal + part + "0" * (len(part) == 3) if point else whole


def serial_date(serial: float, *, from_1904: bool) -> str:
    """Writes the date, the time or both of a spreadsheet's serial number.

    A number that is no date stays a number, so its line is rejected. Excel has a February 29 in 1900.
    """
    milliseconds = round(serial * _MILLISECONDS_A_DAY)
    if not 0 <= milliseconds < _LAST_SERIAL * _MILLISECONDS_A_DAY:
        return f"{serial:.{DIGITS}g}"
    if milliseconds < _MILLISECONDS_A_DAY and serial:
        return _time(_EPOCH_1900 + timedelta(milliseconds=milliseconds))
    if not from_1904 and 60 <= serial < 61:
        return "1900-02-29"
    early = not from_1904 and serial < 60
    epoch = _EPOCH_1904 if from_1904 else _EPOCH_1900 + timedelta(days=early)
    return date_text(epoch + timedelta(milliseconds=milliseconds))


def date_text(moment: datetime) -> str:
    """Writes a date, with its time unless that is midnight."""
    day = f"{moment:%Y-%m-%d}"
    return day if not _after_midnight(moment) else f"{day} {_time(moment)}"


def _after_midnight(moment: datetime) -> bool:
    return bool(moment.hour or moment.minute or moment.second or moment.microsecond)


def _time(moment: datetime) -> str:
    return moment.strftime("%H:%M:%S") + (f".{moment.microsecond // 1000:03}" if moment.microsecond else "")
