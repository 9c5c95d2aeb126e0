"""The reasons for rejecting a line: stable codes, each with a message and a hint."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class RejectCode(StrEnum):
    """Stable codes of rejected lines.

    `ORDER_REJECTED` marks the valid lines of rejected orders. The codes in `FOUND_IN_STORE` result not from
    parsing but from a comparison with the store: the order is stored with other content, a returned product
        is
    in no product list, a return is more than is left of its order, or a return was already counted (with an
    order if it names none now, or without one if it names one now).
    """

    BLANK_LINE = "blank_line"
    REPEATED_HEADER = "repeated_header"
    FIELD_COUNT = "field_count"
    STRAY_QUOTE = "stray_quote"
    UNCLOSED_QUOTE = "unclosed_quote"
    SWALLOWED_LINES = "swallowed_lines"
    CUT_OFF = "cut_off"
    UNDECODABLE = "undecodable"
    JSON_BROKEN = "json_broken"
    CELL_ERROR = "cell_error"
    ITEM_BROKEN = "item_broken"
    ORDER_NUMBER_MISSING = "order_number_missing"
    ORDER_NUMBER_DAMAGED = "order_number_damaged"
    ORDER_NUMBER_REUSED = "order_number_reused"
    ORDER_UNKNOWN = "order_unknown"
    ORDER_TWICE = "order_twice"
    STATUS_SKIPPED = "status_skipped"
    SKU_MISSING = "sku_missing"
    SKU_DAMAGED = "sku_damaged"
    QUANTITY_MISSING = "quantity_missing"
    QUANTITY_UNREADABLE = "quantity_unreadable"
    QUANTITY_NOT_WHOLE = "quantity_not_whole"
    QUANTITY_TOO_PRECISE = "quantity_too_precise"
    QUANTITY_NOT_POSITIVE = "quantity_not_positive"
    QUANTITY_TOO_LARGE = "quantity_too_large"
    RETURN_NOT_NEGATIVE = "return_not_negative"
    PRICE_MISSING = "price_missing"
    PRICE_UNREADABLE = "price_unreadable"
    PRICE_AMBIGUOUS = "price_ambiguous"
    PRICE_TOO_PRECISE = "price_too_precise"
    PRICE_NOT_POSITIVE = "price_not_positive"
    PRICE_TOO_LARGE = "price_too_large"
    PRICE_TOO_SMALL = "price_too_small"
    PRICE_OTHER_CURRENCY = "price_other_currency"
    CURRENCY_UNKNOWN = "currency_unknown"
    CURRENCY_DIFFERS = "currency_differs"
    DATE_MISSING = "date_missing"
    DATE_UNREADABLE = "date_unreadable"
    DATE_AMBIGUOUS = "date_ambiguous"
    DATE_OUT_OF_RANGE = "date_out_of_range"
    TIME_ZONE_UNKNOWN = "time_zone_unknown"
    AMOUNT_UNREADABLE = "amount_unreadable"
    AMOUNT_DIFFERS = "amount_differs"
    TOTAL_MISSING = "total_missing"
    TAX_TREATMENT_UNKNOWN = "tax_treatment_unknown"
    TOTAL_DISAGREES = "total_disagrees"
    SUBTOTAL_DISAGREES = "subtotal_disagrees"
    TOTAL_NEGATIVE = "total_negative"
    TOTAL_ROUNDS_TO_ZERO = "total_rounds_to_zero"
    PAYMENT_STATUS_UNKNOWN = "payment_status_unknown"
    PAID_AMOUNT_MISSING = "paid_amount_missing"
    ORDER_TOTAL_TOO_LARGE = "order_total_too_large"
    TEXT_TOO_LONG = "text_too_long"
    ORDER_REJECTED = "order_rejected"
    ORDER_CONFLICT = "order_conflict"
    RETURN_OF_UNKNOWN_PRODUCT = "return_of_unknown_product"
    RETURN_OF_SEVERAL_ORDERS = "return_of_several_orders"
    RETURN_OF_UNKNOWN_ORDER = "return_of_unknown_order"
    RETURN_OF_UNCOMPLETED_ORDER = "return_of_uncompleted_order"
    RETURN_IN_OTHER_CURRENCY = "return_in_other_currency"
    RETURN_NOT_IN_ORDER = "return_not_in_order"
    RETURN_EXCEEDS_ORDER = "return_exceeds_order"
    RETURN_COUNTED_BEFORE = "return_counted_before"


FOUND_IN_STORE = (
    RejectCode.ORDER_CONFLICT,
    RejectCode.RETURN_OF_UNKNOWN_PRODUCT,
    RejectCode.RETURN_OF_UNKNOWN_ORDER,
    RejectCode.RETURN_OF_UNCOMPLETED_ORDER,
    RejectCode.RETURN_IN_OTHER_CURRENCY,
    RejectCode.RETURN_NOT_IN_ORDER,
    RejectCode.RETURN_EXCEEDS_ORDER,
    RejectCode.RETURN_COUNTED_BEFORE,
)


@dataclass(frozen=True, slots=True)
class Explanation:
    """A message with at most one `{}` for the value found, a hint, and the order field at fault."""

    field: str | None
    message: str
    hint: str


_BROKEN_HINT = "Export the rejects, correct the line there, and import the export."

# The messages of these codes show figures of the whole order, not the value of a line.
EXPLAINED_BY_DETAIL = {
    RejectCode.CURRENCY_DIFFERS,
    RejectCode.AMOUNT_DIFFERS,
    RejectCode.TOTAL_DISAGREES,
    RejectCode.SUBTOTAL_DISAGREES,
    RejectCode.TOTAL_NEGATIVE,
    RejectCode.PAYMENT_STATUS_UNKNOWN,
    RejectCode.PAID_AMOUNT_MISSING,
    RejectCode.RETURN_OF_SEVERAL_ORDERS,
}

EXPLANATIONS: dict[RejectCode, Explanation] = {
    RejectCode.BLANK_LINE: Explanation(
        None, "The line is blank.", "Nothing to do, unless an order is missing."
    ),
    RejectCode.REPEATED_HEADER: Explanation(
        None, "The line repeats the header row.", "Nothing to do: files were probably joined."
    ),
    RejectCode.FIELD_COUNT: Explanation(None, "The line has {}.", _BROKEN_HINT),
    RejectCode.STRAY_QUOTE: Explanation(
        None,
        "Text follows the closing quote of a field: {}.",
        "Double the quotes inside a quoted field.",
    ),
    RejectCode.UNCLOSED_QUOTE: Explanation(
        None,
        "A quoted field has no closing quote: {}.",
        "Close the quote, or export the file again if it is incomplete.",
    ),
    RejectCode.SWALLOWED_LINES: Explanation(
        None,
        "A quote that opens on line {} encloses lines that look like records.",
        "Remove or close that quote.",
    ),
    RejectCode.CUT_OFF: Explanation(
        None, "The file ends in the middle of this line.", "Export the file again, or complete the line."
    ),
    RejectCode.UNDECODABLE: Explanation(
        None,
        "The line contains bytes that are not valid in the file's encoding: {}.",
        "Correct them, or set the encoding.",
    ),
    RejectCode.JSON_BROKEN: Explanation(
        None, "The record is not a valid JSON object: {}.", "Correct it in the file, or in an export as CSV."
    ),
    RejectCode.CELL_ERROR: Explanation(
        None,
        "A cell contains an error of the spreadsheet: {}.",
        "Correct the cell. For #NOT_COMPUTED, open and save the workbook in a spreadsheet program.",
    ),
    RejectCode.ITEM_BROKEN: Explanation(
        None, "The items of the order cannot be read: {}.", "Correct the items, or `[items]` in the profile."
    ),
    RejectCode.ORDER_NUMBER_MISSING: Explanation(
        "order_number",
        "The order number is blank.",
        "Fill it in. If only an order's first line has its number, let the profile inherit order_number.",
    ),
    RejectCode.ORDER_NUMBER_DAMAGED: Explanation(
        "order_number",
        "A spreadsheet rounded the order number to {}.",
        "Export the file again with this column as text.",
    ),
    RejectCode.ORDER_NUMBER_REUSED: Explanation(
        "order_number",
        "The order number {} is used by several customers or on several days.",
        "Give each order a number of its own, or join it from several columns in a profile.",
    ),
    RejectCode.ORDER_UNKNOWN: Explanation(
        "order_number", "The order {} is not in the file of orders.", "Use two files from the same export."
    ),
    RejectCode.ORDER_TWICE: Explanation(
        "order_number",
        "The order {} appears more than once in the file of orders.",
        "Remove the wrong one from that file.",
    ),
    RejectCode.STATUS_SKIPPED: Explanation(
        "status",
        "The profile skips orders with the status {}.",
        "To import them, change `skip` in the profile.",
    ),
    RejectCode.SKU_MISSING: Explanation("sku", "The product's SKU is blank.", "Fill it in."),
    RejectCode.SKU_DAMAGED: Explanation(
        "sku",
        "A spreadsheet rounded the product's SKU to {}.",
        "Export the file again with this column as text.",
    ),
    RejectCode.QUANTITY_MISSING: Explanation("quantity", "The quantity is blank.", "Fill it in."),
    RejectCode.QUANTITY_UNREADABLE: Explanation(
        "quantity", "The quantity {} is not a number.", "Write a whole number."
    ),
    RejectCode.QUANTITY_NOT_WHOLE: Explanation(
        "quantity",
        "The quantity {} is not a whole number.",
        "Write a whole number. For goods by weight, set decimals in the profile's section [quantity].",
    ),
    RejectCode.QUANTITY_TOO_PRECISE: Explanation(
        "quantity",
        "The quantity {} has more decimals than the profile allows.",
        "Round it, or set more decimals in the profile's section [quantity].",
    ),
    RejectCode.QUANTITY_NOT_POSITIVE: Explanation(
        "quantity",
        "The quantity {} is not above zero.",
        "Returns and cancellations are not orders. Leave them out, or take returns with --returns take.",
    ),
    RejectCode.QUANTITY_TOO_LARGE: Explanation(
        "quantity", "The quantity {} is above 1,000,000,000.", "Check it. If it is correct, split the line."
    ),
    RejectCode.RETURN_NOT_NEGATIVE: Explanation(
        "quantity",
        "The quantity {} of a return is not below zero.",
        "Correct it, or give the units that were sold an order number of their own.",
    ),
    RejectCode.PRICE_MISSING: Explanation("price", "The price is blank.", "Fill it in."),
    RejectCode.PRICE_UNREADABLE: Explanation(
        "price",
        "The price {} is not an amount in the column's format.",
        "Write it like 1234.50, or set the decimal separator.",
    ),
    RejectCode.PRICE_AMBIGUOUS: Explanation(
        "price",
        "The price {} can be read in two ways, and the column uses both.",
        "Set the decimal separator.",
    ),
    RejectCode.PRICE_TOO_PRECISE: Explanation(
        "price", "The price {} has more than four decimals.", "Round it to four decimals."
    ),
    RejectCode.PRICE_NOT_POSITIVE: Explanation(
        "price",
        "The price {} is not above zero.",
        "Leave out gifts, samples and adjustments: they are not sales.",
    ),
    RejectCode.PRICE_TOO_LARGE: Explanation(
        "price",
        "The line total is above 10,000,000,000. The price is {}.",
        "Check the price and the quantity.",
    ),
    RejectCode.PRICE_TOO_SMALL: Explanation(
        "price",
        "The line's total is below 0.0001. The price is {}.",
        "Check the price and the quantity.",
    ),
    RejectCode.PRICE_OTHER_CURRENCY: Explanation(
        "price",
        "The price {} has the sign of another currency.",
        "Set the file's currency in the profile, or say in [values.currency] what the sign stands for.",
    ),
    RejectCode.CURRENCY_UNKNOWN: Explanation(
        "currency", "The currency {} is not an ISO 4217 code.", "Write a code such as USD."
    ),
    RejectCode.CURRENCY_DIFFERS: Explanation(
        "currency",
        "The order has lines in {} and in other currencies.",
        "Use a separate order number for each currency.",
    ),
    RejectCode.DATE_MISSING: Explanation("ordered_at", "The order date is blank.", "Fill it in."),
    RejectCode.DATE_UNREADABLE: Explanation(
        "ordered_at",
        "The order date {} is not a date in the column's format.",
        "Write it like 2025-11-30 14:05:00, or set the date format.",
    ),
    RejectCode.DATE_AMBIGUOUS: Explanation(
        "ordered_at",
        "The order date {} can be read in two ways, and the column uses both.",
        "Set the date format.",
    ),
    RejectCode.DATE_OUT_OF_RANGE: Explanation(
        "ordered_at",
        "The order date {} is before ORDERS_FIRST_DAY or in the future.",
        "Check the date, or set an earlier ORDERS_FIRST_DAY.",
    ),
    RejectCode.TIME_ZONE_UNKNOWN: Explanation(
        "time_zone",
        "The time zone {} is neither an IANA name nor in the profile.",
        "Add the name to the profile's section [time_zone.names].",
    ),
    RejectCode.AMOUNT_UNREADABLE: Explanation(
        None,
        "Not an amount in the file's format and currency: {}.",
        "Write it like 1234.50, or leave it blank.",
    ),
    RejectCode.AMOUNT_DIFFERS: Explanation(
        "order_number",
        "The amounts of the order contradict each other: {}.",
        "Repeat the same amount on every line of the order, or give it on the first line only.",
    ),
    RejectCode.TOTAL_MISSING: Explanation(
        "total",
        "The order states no total, so it is not known whether its prices contain the tax.",
        "State the total, or set tax_included to true or false in the profile.",
    ),
    RejectCode.TAX_TREATMENT_UNKNOWN: Explanation(
        "tax_treatment",
        "The profile does not say whether the prices contain the tax for {}.",
        "Add the value to included or added in the profile's section [amounts.tax_included].",
    ),
    RejectCode.TOTAL_DISAGREES: Explanation(
        "total",
        "The total disagrees: {}.",
        "Correct the order, or map the missing discount, shipping, tax, fee or tip in the profile.",
    ),
    RejectCode.SUBTOTAL_DISAGREES: Explanation(
        "subtotal",
        "The subtotal disagrees: {}.",
        "Correct the order, or leave the subtotal out of the profile.",
    ),
    RejectCode.TOTAL_NEGATIVE: Explanation(
        "total", "The order's total is below zero: {}.", "Check its discounts. Returns are not orders."
    ),
    RejectCode.TOTAL_ROUNDS_TO_ZERO: Explanation(
        "order_number",
        "The order's total is below the smallest amount of its currency.",
        "Check the prices and the currency.",
    ),
    RejectCode.PAYMENT_STATUS_UNKNOWN: Explanation(
        "payment_column",
        "The payment status is {}, which the profile does not list.",
        "Add the value to recorded, partly, charge or skip in the profile's section [payment].",
    ),
    RejectCode.PAID_AMOUNT_MISSING: Explanation(
        "payment_column",
        "The order is paid in part ({}), but the file does not say how much.",
        "Fill in the paid or the outstanding amount.",
    ),
    RejectCode.ORDER_TOTAL_TOO_LARGE: Explanation(
        "order_number",
        "The order total is above 10,000,000,000.",
        "Check the prices, or split the order.",
    ),
    RejectCode.TEXT_TOO_LONG: Explanation(
        None,
        "A field of the line is longer than 1,000 bytes.",
        "Shorten the order number, SKU, id or name.",
    ),
    RejectCode.ORDER_REJECTED: Explanation(
        "order_number",
        "Another line of order {} was rejected, and orders are imported only as a whole.",
        "Correct the other line.",
    ),
    RejectCode.ORDER_CONFLICT: Explanation(
        "order_number",
        "Order {} is already known with other content.",
        "Keep the first version, or give the changed order a number of its own.",
    ),
    RejectCode.RETURN_OF_UNKNOWN_PRODUCT: Explanation(
        "order_number",
        "The return {} has a product that is in no product list.",
        "Import a list with the product, then export the rejects and import the export.",
    ),
    RejectCode.RETURN_OF_SEVERAL_ORDERS: Explanation(
        "return_of",
        "The lines of the return name several orders: {}.",
        "Use a separate return for each order.",
    ),
    RejectCode.RETURN_OF_UNKNOWN_ORDER: Explanation(
        "return_of",
        "The return names order {}, which is not in the store.",
        "Import the order, then export the rejects and import the export.",
    ),
    RejectCode.RETURN_OF_UNCOMPLETED_ORDER: Explanation(
        "return_of",
        "The return names order {}, which is not completed.",
        "Once the order is completed, export the rejects and import the export.",
    ),
    RejectCode.RETURN_IN_OTHER_CURRENCY: Explanation(
        "return_of",
        "The return names order {}, which has another currency.",
        "Correct the currency or the order, and import the export of the rejects.",
    ),
    RejectCode.RETURN_NOT_IN_ORDER: Explanation(
        "return_of",
        "The return has a product that is not in order {}.",
        "Correct the product or the order, and import the export of the rejects.",
    ),
    RejectCode.RETURN_EXCEEDS_ORDER: Explanation(
        "return_of",
        "The return has more units or money than is left of order {}.",
        "`orders show` lists earlier refunds. Correct the return, and import the export.",
    ),
    RejectCode.RETURN_COUNTED_BEFORE: Explanation(
        "number",
        "Return {} is already counted: with an order if it names none now, or without one if it names one.",
        "It is not counted again. If this is another return, give it another number.",
    ),
}
