"""Why a line is not taken: stable codes, each with a sentence and a hint."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class RejectCode(StrEnum):
    """Stable codes of rejected lines; `ORDER_REJECTED` marks the good lines lost with their order."""

    BLANK_LINE = "blank_line"
    REPEATED_HEADER = "repeated_header"
    FIELD_COUNT = "field_count"
    STRAY_QUOTE = "stray_quote"
    UNCLOSED_QUOTE = "unclosed_quote"
    SWALLOWED_LINES = "swallowed_lines"
    CUT_OFF = "cut_off"
    UNDECODABLE = "undecodable"
    ORDER_NUMBER_MISSING = "order_number_missing"
    ORDER_NUMBER_DAMAGED = "order_number_damaged"
    ORDER_UNKNOWN = "order_unknown"
    ORDER_TWICE = "order_twice"
    STATUS_SKIPPED = "status_skipped"
    SKU_MISSING = "sku_missing"
    QUANTITY_MISSING = "quantity_missing"
    QUANTITY_UNREADABLE = "quantity_unreadable"
    QUANTITY_NOT_WHOLE = "quantity_not_whole"
    QUANTITY_NOT_POSITIVE = "quantity_not_positive"
    QUANTITY_TOO_LARGE = "quantity_too_large"
    PRICE_MISSING = "price_missing"
    PRICE_UNREADABLE = "price_unreadable"
    PRICE_AMBIGUOUS = "price_ambiguous"
    PRICE_TOO_PRECISE = "price_too_precise"
    PRICE_NOT_POSITIVE = "price_not_positive"
    PRICE_TOO_LARGE = "price_too_large"
    PRICE_OTHER_CURRENCY = "price_other_currency"
    CURRENCY_UNKNOWN = "currency_unknown"
    CURRENCY_DIFFERS = "currency_differs"
    DATE_MISSING = "date_missing"
    DATE_UNREADABLE = "date_unreadable"
    DATE_AMBIGUOUS = "date_ambiguous"
    DATE_OUT_OF_RANGE = "date_out_of_range"
    ORDER_TOTAL_TOO_LARGE = "order_total_too_large"
    TEXT_TOO_LONG = "text_too_long"
    ORDER_REJECTED = "order_rejected"


@dataclass(frozen=True, slots=True)
class Explanation:
    """`message` has one `{}` for the value found, or none; `field` is the order field at fault."""

    field: str | None
    message: str
    hint: str


_BROKEN_HINT = "Correct the line in the export of rejects and import that file."

EXPLANATIONS: dict[RejectCode, Explanation] = {
    RejectCode.BLANK_LINE: Explanation(
        None, "The line is blank.", "Nothing to do, unless an order is missing."
    ),
    RejectCode.REPEATED_HEADER: Explanation(
        None, "The header stands here again.", "Nothing to do: files were probably joined."
    ),
    RejectCode.FIELD_COUNT: Explanation(None, "The line has {}.", _BROKEN_HINT),
    RejectCode.STRAY_QUOTE: Explanation(
        None,
        "A quoted field goes on after its closing quote: {}.",
        "Double the quotes inside a quoted field.",
    ),
    RejectCode.UNCLOSED_QUOTE: Explanation(
        None,
        "A quoted field is never closed: {}.",
        "Close the quote, or complete the file if it was cut off.",
    ),
    RejectCode.SWALLOWED_LINES: Explanation(
        None,
        "A quote opened on line {} takes in whole lines that look like records.",
        "Remove or close that quote.",
    ),
    RejectCode.CUT_OFF: Explanation(
        None, "The file ends in the middle of this line.", "Export the file again, or complete the line."
    ),
    RejectCode.UNDECODABLE: Explanation(
        None,
        "The line holds bytes that are no text in the file's encoding: {}.",
        "Correct them, or name the encoding.",
    ),
    RejectCode.ORDER_NUMBER_MISSING: Explanation("order_number", "The order number is blank.", "Fill it in."),
    RejectCode.ORDER_NUMBER_DAMAGED: Explanation(
        "order_number",
        "The order number {} was shortened by a spreadsheet.",
        "Export again with the column as text.",
    ),
    RejectCode.ORDER_UNKNOWN: Explanation(
        "order_number", "The order {} is not in the file of orders.", "Import the two files of one export."
    ),
    RejectCode.ORDER_TWICE: Explanation(
        "order_number",
        "The order {} stands more than once in the file of orders.",
        "Remove the wrong one there.",
    ),
    RejectCode.STATUS_SKIPPED: Explanation(
        "status",
        "Orders with the status {} are skipped by the profile.",
        "Change the profile's `skip` to take them.",
    ),
    RejectCode.SKU_MISSING: Explanation("sku", "The product's SKU is blank.", "Fill it in."),
    RejectCode.QUANTITY_MISSING: Explanation("quantity", "The quantity is blank.", "Fill it in."),
    RejectCode.QUANTITY_UNREADABLE: Explanation(
        "quantity", "The quantity {} is no number.", "Write a whole number."
    ),
    RejectCode.QUANTITY_NOT_WHOLE: Explanation(
        "quantity",
        "The quantity {} is not a whole number.",
        "Sell by a smaller unit, and write a whole number.",
    ),
    RejectCode.QUANTITY_NOT_POSITIVE: Explanation(
        "quantity",
        "The quantity {} is not above zero.",
        "Returns and cancellations are no orders; leave them out.",
    ),
    RejectCode.QUANTITY_TOO_LARGE: Explanation(
        "quantity", "The quantity {} is above 1,000,000,000.", "Check it; split the line if it is right."
    ),
    RejectCode.PRICE_MISSING: Explanation("price", "The price is blank.", "Fill it in."),
    RejectCode.PRICE_UNREADABLE: Explanation(
        "price",
        "The price {} is no amount in the column's format.",
        "Write it like 1234.50, or name the decimal sign.",
    ),
    RejectCode.PRICE_AMBIGUOUS: Explanation(
        "price", "The price {} can be read in two ways, and the column uses both.", "Name the decimal sign."
    ),
    RejectCode.PRICE_TOO_PRECISE: Explanation(
        "price", "The price {} has more than four decimals.", "Round it to four decimals."
    ),
    RejectCode.PRICE_NOT_POSITIVE: Explanation(
        "price",
        "The price {} is not above zero.",
        "Gifts, samples and adjustments are no sales; leave them out.",
    ),
    RejectCode.PRICE_TOO_LARGE: Explanation(
        "price",
        "The line's total is above 10,000,000,000: the price is {}.",
        "Check the price and the quantity.",
    ),
    RejectCode.PRICE_OTHER_CURRENCY: Explanation(
        "price",
        "The price {} carries the sign of another currency.",
        "Give the file's currency in the profile.",
    ),
    RejectCode.CURRENCY_UNKNOWN: Explanation(
        "currency", "The currency {} is not an ISO 4217 code.", "Write a code such as USD."
    ),
    RejectCode.CURRENCY_DIFFERS: Explanation(
        "currency",
        "The order has lines in other currencies than {}.",
        "Give each currency its own order number.",
    ),
    RejectCode.DATE_MISSING: Explanation("ordered_at", "The order date is blank.", "Fill it in."),
    RejectCode.DATE_UNREADABLE: Explanation(
        "ordered_at",
        "The order date {} is no date in the column's format.",
        "Write it like 2025-11-30 14:05:00.",
    ),
    RejectCode.DATE_AMBIGUOUS: Explanation(
        "ordered_at",
        "The order date {} can be read in two ways, and the column uses both.",
        "Name the date format.",
    ),
    RejectCode.DATE_OUT_OF_RANGE: Explanation(
        "ordered_at",
        "The order date {} is outside the days that are kept.",
        "Check it, or set ORDERS_FIRST_DAY.",
    ),
    RejectCode.ORDER_TOTAL_TOO_LARGE: Explanation(
        "order_number",
        "The order's total is above 10,000,000,000.",
        "Check its prices, or split the order.",
    ),
    RejectCode.TEXT_TOO_LONG: Explanation(
        None,
        "A field of the line is longer than 1,000 bytes.",
        "Shorten the order number, SKU, id or name.",
    ),
    RejectCode.ORDER_REJECTED: Explanation(
        "order_number",
        "Another line of order {} was rejected, and an order is taken whole or not at all.",
        "Correct that line.",
    ),
}
