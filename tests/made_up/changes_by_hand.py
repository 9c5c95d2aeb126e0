"""Manual changes to an order store, each with the check that must find it.

A new table gets its rows in `tests/made_up/eventful_store.py` and its changes here. `{completed}` and the
like stand for the ids of `STORIES` there.
"""

from __future__ import annotations

from typing import NamedTuple

AUDIT = "audit_trail_is_complete"
AUTHORIZATIONS = "authorizations_agree_with_orders"
ATTEMPTS = "attempts_end_with_the_current_one"
BATCHES = "batch_counts_are_right"
CHARGES = "completed_orders_are_charged_once"
COUNTS = "counts_are_those_of_parsing"
CUSTOMERS = "customer_totals_are_right"
DAYS = "days_are_those_of_order_times"
EARLIER = "earlier_attempts_ended_without_a_sale"
EVENTS = "events_match_orders"
EVENTS_IN_ORDER = "events_in_order"
GATEWAY = "gateway_agrees_with_payments"
GATEWAY_REFUNDS = "gateway_agrees_with_refunds"
IDS = "order_ids_are_of_their_batch"
IMPORTS = "import_statuses_agree_with_their_results"
KPI_DAYS = "kpi_days_cover_all_orders"
LINES = "accepted_lines_are_in_the_store"
PAYOUT_LINES = "payout_lines_are_in_the_store"
PRODUCTS = "product_totals_are_right"
RANGES = "order_ids_are_given_once"
RECEIPTS = "stock_was_received"
RECORDED = "recorded_payments_are_never_charged"
RECORDS = "every_record_is_accounted_for"
REFUNDED = "refunds_are_within_captured"
REFUNDED_UNITS = "refunded_units_were_sold"
REFUNDS = "refunds_are_of_completed_orders"
REFUND_SUMS = "refund_amounts_add_up"
REJECTS = "rejects_are_kept"
RETURNS = "returns_are_in_the_store"
RETURNS_BOOKED = "returns_of_orders_are_booked"
RETURN_SUMS = "return_totals_are_sums_of_lines"
SETTLED = "finished_imports_are_settled"
STATUSES = "statuses_agree_with_reservations_and_payments"
STOCK = "stock_is_conserved"
REPORTED = "reported_disputes_are_booked"
TOTALS = "order_totals_are_sums_of_lines"
TRANSACTIONS = "transactions_are_used_once"


class Change(NamedTuple):
    """SQL statements, separated by `;`, and the check that must fail after them."""

    sql: str
    check: str


CHANGES: dict[str, dict[str, Change]] = {
    "home": {
        "a lowered next order id": Change("UPDATE home SET next_order_id = next_order_id - 1", RANGES),
        "a raised next order id": Change("UPDATE home SET next_order_id = next_order_id + 5", RANGES),
        "another time zone": Change("UPDATE home SET timezone = 'Pacific/Kiritimati'", DAYS),
        "a count of actions": Change("UPDATE home SET actions_recorded = actions_recorded - 1", AUDIT),
    },
    "events": {
        "an order that was not completed": Change(
            "UPDATE events SET type = 'order.completed' WHERE type = 'order.failed'", EVENTS
        ),
        "a failure that did not happen": Change(
            "UPDATE events SET type = 'order.failed' WHERE type = 'order.completed'", EVENTS
        ),
        "another order": Change("UPDATE events SET order_id = order_id + 100000", EVENTS),
        "an attempt that is still to come": Change("UPDATE events SET attempt = attempt + 1", EVENTS),
        "an event for the second time": Change(
            "INSERT INTO events (type, at, order_id, attempt)"
            " SELECT type, at, order_id, attempt FROM events WHERE type = 'order.completed'",
            EVENTS_IN_ORDER,
        ),
    },
    "sources": {
        "another name": Change("UPDATE sources SET name = name || 'x'", GATEWAY),
    },
    "products": {
        "initial stock together with stock on hand": Change(
            "UPDATE products SET initial_stock = initial_stock + 1000, on_hand = on_hand + 1000"
            " WHERE sku = 'MOUSE'",
            RECEIPTS,
        ),
        "units restocked together with units on hand": Change(
            "UPDATE products SET restocked = restocked + 1, on_hand = on_hand + 1 WHERE sku = 'CABLE'",
            RECEIPTS,
        ),
        "stock that a file's product began with": Change(
            "UPDATE products SET initial_stock = initial_stock - 1, on_hand = on_hand - 1 WHERE sku = 'MUG'",
            RECEIPTS,
        ),
        "units sold twice": Change(
            "UPDATE products SET sold = sold + 1, on_hand = on_hand - 1 WHERE sku = 'MOUSE'", STOCK
        ),
        "units still reserved": Change(
            "UPDATE products SET reserved = reserved + 1, on_hand = on_hand - 1 WHERE sku = 'MOUSE'", STOCK
        ),
        "reserved units sold": Change(
            "UPDATE products SET reserved = reserved - 1, sold = sold + 1 WHERE reserved > 0", STOCK
        ),
    },
    "stock_receipts": {
        "a removed receipt": Change("DELETE FROM stock_receipts WHERE number = 2", RECEIPTS),
        "another number of units": Change("UPDATE stock_receipts SET units = units + 1000", RECEIPTS),
        "a receipt that never was": Change(
            "INSERT INTO stock_receipts (product_id, number, units, received_at)"
            " SELECT id, 9, 1000, 1 FROM products WHERE sku = 'MUG'",
            RECEIPTS,
        ),
        "a receipt of another product": Change(
            "UPDATE stock_receipts SET number = 9, product_id = (SELECT id FROM products WHERE sku = 'MUG')"
            " WHERE number = 2 AND product_id = (SELECT id FROM products WHERE sku = 'CABLE')",
            RECEIPTS,
        ),
    },
    "imports": {
        "a finished one set to running": Change(
            "UPDATE imports SET status = 'running' WHERE id = {finished_import}", IMPORTS
        ),
        "a finished one set to staged": Change(
            "UPDATE imports SET status = 'staged', settled_at = NULL WHERE id = {finished_import}", IMPORTS
        ),
        "a finished one refused": Change(
            "UPDATE imports SET status = 'refused', settled_at = NULL WHERE id = {finished_import}", IMPORTS
        ),
        "a finished one stalled": Change(
            "UPDATE imports SET status = 'stalled' WHERE id = {finished_import}", IMPORTS
        ),
        "a running one set to finished": Change(
            "UPDATE imports SET status = 'finished', settled_at = 1 WHERE id = {running_import}", SETTLED
        ),
        "a lost time of its end": Change(
            "UPDATE imports SET settled_at = NULL WHERE id = {finished_import}", IMPORTS
        ),
        "records": Change("UPDATE imports SET records = records + 1", RECORDS),
        "records together with records left out": Change(
            "UPDATE imports SET records = records + 1, left_out_lines = left_out_lines + 1"
            " WHERE id = {finished_import}",
            COUNTS,
        ),
        "left out lines": Change("UPDATE imports SET left_out_lines = left_out_lines + 1", RECORDS),
        "repeated lines": Change("UPDATE imports SET repeated_lines = repeated_lines + 1", RECORDS),
        "rejected lines": Change("UPDATE imports SET rejected_lines = rejected_lines + 1", RECORDS),
        "rejected lines of one order": Change(
            "UPDATE imports SET rejected_lines = rejected_lines - 1, "
            "lines_of_rejected_orders = lines_of_rejected_orders + 1 WHERE rejected_lines > 0",
            REJECTS,
        ),
        "rejected orders": Change(
            "UPDATE imports SET rejected_orders = rejected_orders + 1 WHERE id = {finished_import}", COUNTS
        ),
        "a count of removed rejects": Change(
            """UPDATE imports SET removed_rejects = '{{"quantity_not_positive": 7}}'"""
            " WHERE removed_rejects IS NOT NULL",
            REJECTS,
        ),
        "rejects removed as if by retention": Change(
            "DELETE FROM rejects WHERE import_id = {import_with_rejects};"
            "UPDATE imports SET rejects_removed_at = 1 WHERE id = {import_with_rejects}",
            REJECTS,
        ),
    },
    "batches": {
        "completed orders": Change("UPDATE batches SET completed = completed + 1", BATCHES),
        "open orders": Change("UPDATE batches SET reserved = reserved + 1, pending = 0", BATCHES),
        "duplicate orders": Change("UPDATE batches SET duplicate_orders = duplicate_orders + 1", BATCHES),
        "conflicting orders": Change("UPDATE batches SET conflict_orders = conflict_orders + 1", BATCHES),
        "new attempts": Change("UPDATE batches SET retried = retried + 1", BATCHES),
        "loaded orders": Change("UPDATE batches SET loaded = loaded - 1", BATCHES),
        "orders": Change("UPDATE batches SET orders = orders + 1", RANGES),
        "orders that were never loaded": Change(
            "UPDATE batches SET orders = orders + 1 WHERE import_id = {finished_import}", SETTLED
        ),
        "the first id": Change("UPDATE batches SET first_order_id = first_order_id + 1", IDS),
        "the first id of one": Change(
            "UPDATE batches SET first_order_id = first_order_id - 1 WHERE import_id = {running_import}",
            RANGES,
        ),
        "lines": Change("UPDATE batches SET lines = lines + 1", BATCHES),
        "accepted lines": Change("UPDATE batches SET accepted_lines = accepted_lines + 1", LINES),
        "accepted lines of a file": Change("UPDATE batches SET accepted_lines = accepted_lines - 1", RECORDS),
        "duplicate lines": Change("UPDATE batches SET duplicate_lines = duplicate_lines + 1", RECORDS),
        "conflicting lines": Change("UPDATE batches SET conflict_lines = conflict_lines + 1", REJECTS),
        "the checksum": Change("UPDATE batches SET checksum = checksum + 1", LINES),
    },
    "orders": {
        "a completed one set back": Change(
            "UPDATE orders SET status = 'pending' WHERE id = {completed}", STATUSES
        ),
        "a completed one left open": Change(
            "UPDATE orders SET status = 'pending' WHERE id = {completed}", SETTLED
        ),
        "a completed one miscounted": Change(
            "UPDATE orders SET status = 'failed' WHERE id = {completed}", BATCHES
        ),
        "a declined one completed": Change(
            "UPDATE orders SET status = 'completed' WHERE id = {declined}", CHARGES
        ),
        "a failed one rolled back": Change(
            "UPDATE orders SET status = 'rollback' WHERE id = {failed}", STATUSES
        ),
        "one being charged set back": Change(
            "UPDATE orders SET status = 'reserved' WHERE id = {being_charged}", STATUSES
        ),
        "a later attempt": Change("UPDATE orders SET attempt = attempt + 1 WHERE id = {completed}", STATUSES),
        "an earlier attempt": Change(
            "UPDATE orders SET attempt = attempt - 1 WHERE id = {retried}", ATTEMPTS
        ),
        "a skipped attempt": Change("UPDATE orders SET attempt = attempt + 1 WHERE id = {pending}", EARLIER),
        "another total": Change("UPDATE orders SET total = total + 1 WHERE id = {completed}", TOTALS),
        "another total than charged": Change(
            "UPDATE orders SET total = total + 1 WHERE id = {completed}", CHARGES
        ),
        "another total of a failed one": Change(
            "UPDATE orders SET total = total - 1 WHERE id = {failed}", TOTALS
        ),
        "another total of one that owes nothing": Change(
            "UPDATE orders SET total = total + 1 WHERE id = {free}", STATUSES
        ),
        "another number": Change("UPDATE orders SET number = 'other' WHERE id = {completed}", GATEWAY),
        "another customer": Change("UPDATE orders SET customer_id = 'c2' WHERE id = {completed}", CUSTOMERS),
        "no customer": Change("UPDATE orders SET customer_id = NULL WHERE id = {completed}", CUSTOMERS),
        "a customer of a guest": Change("UPDATE orders SET customer_id = 'c2' WHERE id = {guest}", CUSTOMERS),
        "another currency": Change("UPDATE orders SET currency = 'EUR' WHERE id = {completed}", PRODUCTS),
        "another day": Change("UPDATE orders SET day = '2025-12-24' WHERE id = {completed}", DAYS),
        "a day without figures": Change("UPDATE orders SET day = '2025-12-24' WHERE id = {failed}", KPI_DAYS),
        "a time of another day": Change(
            "UPDATE orders SET ordered_at = ordered_at + 86400000000 WHERE id = {failed}", DAYS
        ),
        "a time before its day": Change(
            "UPDATE orders SET ordered_at = ordered_at - 86400000000 WHERE id = {completed}", DAYS
        ),
        "another batch": Change("UPDATE orders SET batch = 3 - batch WHERE id = {completed}", IDS),
        "another import": Change(
            "UPDATE orders SET import_id = {running_import}, batch = 1 WHERE id = {completed}", IDS
        ),
    },
    "order_lines": {
        "another amount": Change(
            "UPDATE order_lines SET total = total + 100 WHERE order_id = {completed}", TOTALS
        ),
        "units of a completed order": Change(
            "UPDATE order_lines SET quantity = 9 WHERE order_id = {completed}", STOCK
        ),
        "units that were totalled": Change(
            "UPDATE order_lines SET quantity = 9 WHERE order_id = {completed}", PRODUCTS
        ),
        "units of a failed order": Change(
            "UPDATE order_lines SET quantity = 9 WHERE order_id = {failed}", LINES
        ),
        "units of a declined order": Change(
            "UPDATE order_lines SET quantity = 9 WHERE order_id = {declined}", LINES
        ),
        "units of a waiting order": Change(
            "UPDATE order_lines SET quantity = 9 WHERE order_id = {pending}", LINES
        ),
        "the product of a failed order": Change(
            "UPDATE order_lines SET product_id = (SELECT id FROM products WHERE sku = 'MUG')"
            " WHERE order_id = {failed}",
            LINES,
        ),
        "products exchanged between failed orders": Change(
            "UPDATE order_lines SET product_id = CASE order_id"
            " WHEN {failed} THEN (SELECT product_id FROM order_lines WHERE order_id = {declined})"
            " ELSE (SELECT product_id FROM order_lines WHERE order_id = {failed}) END"
            " WHERE order_id IN ({failed}, {declined})",
            LINES,
        ),
        "an amount and its discount": Change(
            "UPDATE order_lines SET total = total + 100, discount = discount + 100"
            " WHERE order_id = {declined}",
            LINES,
        ),
        "an amount of a sale and its discount": Change(
            "UPDATE order_lines SET total = total + 100, discount = discount + 100"
            " WHERE order_id = {completed}",
            PRODUCTS,
        ),
        "a removed line": Change("DELETE FROM order_lines WHERE order_id = {failed}", LINES),
        "an order without lines": Change("DELETE FROM order_lines WHERE order_id = {failed}", TOTALS),
        "an added line": Change(
            "INSERT INTO order_lines (order_id, line, product_id, quantity, total, file_line)"
            " SELECT order_id, 99, product_id, 1000, 1, 99 FROM order_lines WHERE order_id = {declined}",
            LINES,
        ),
        "a line of another order": Change(
            "UPDATE order_lines SET order_id = {declined}, line = 99 WHERE order_id = {failed}", LINES
        ),
    },
    "order_amounts": {
        "another amount": Change(
            "UPDATE order_amounts SET amount = amount + 100 WHERE kind = 'shipping'", TOTALS
        ),
        "a removed amount": Change("DELETE FROM order_amounts WHERE kind = 'shipping'", TOTALS),
        "a discount that is shipping": Change(
            "UPDATE order_amounts SET kind = 'shipping' WHERE kind = 'discount' AND order_id = {free}", TOTALS
        ),
        "contained tax that never was": Change(
            "INSERT INTO order_amounts (order_id, kind, amount) VALUES ({failed}, 'tax_included', 1)", LINES
        ),
        "a discount of another order": Change(
            "UPDATE order_amounts SET order_id = {declined} WHERE order_id = {free}", LINES
        ),
    },
    "recorded_payments": {
        "a removed one of a paid order": Change(
            "DELETE FROM recorded_payments WHERE order_id = {recorded}", RECORDED
        ),
        "a removed one of an order that failed": Change(
            "DELETE FROM recorded_payments WHERE order_id = {recorded_failed}", LINES
        ),
        "another amount of a paid order": Change(
            "UPDATE recorded_payments SET paid = paid - 1 WHERE order_id = {recorded}", RECORDED
        ),
        "another amount of an order that failed": Change(
            "UPDATE recorded_payments SET paid = paid - 1 WHERE order_id = {recorded_failed}", LINES
        ),
        "another reference": Change(
            "UPDATE recorded_payments SET reference = 'other' WHERE order_id = {recorded}", RECORDED
        ),
        "one of an order that is to be charged": Change(
            "INSERT INTO recorded_payments (order_id, paid, reference) VALUES ({failed}, 1, 'x')", LINES
        ),
    },
    "reservations": {
        "a released one of a sale": Change(
            "UPDATE reservations SET status = 'released' WHERE order_id = {completed}", STATUSES
        ),
        "a held one of a declined order": Change(
            "UPDATE reservations SET status = 'held', closed_at = NULL WHERE order_id = {declined}", STATUSES
        ),
        "a held one of an earlier attempt": Change(
            "UPDATE reservations SET status = 'held', closed_at = NULL"
            " WHERE order_id = {retried} AND attempt = 1",
            EARLIER,
        ),
        "a sold one of an earlier attempt": Change(
            "UPDATE reservations SET status = 'sold' WHERE order_id = {retried} AND attempt = 1", EARLIER
        ),
        "a lost one of an expired attempt": Change(
            "DELETE FROM reservations WHERE order_id = {expired_retried} AND attempt = 1", EARLIER
        ),
        "one of an attempt without stock": Change(
            "INSERT INTO reservations (order_id, attempt, status, reserved_at, expires_at, closed_at)"
            " VALUES ({failed_retried}, 1, 'released', 1, 1, 1)",
            EARLIER,
        ),
        "one of an attempt that never was": Change(
            "INSERT INTO reservations (order_id, attempt, status, reserved_at, expires_at)"
            " VALUES ({completed}, 3, 'held', 1, 1)",
            ATTEMPTS,
        ),
        "a lost one of an order being reserved": Change(
            "DELETE FROM reservations WHERE order_id = {reserved}", STATUSES
        ),
    },
    "payments": {
        "another amount": Change(
            "UPDATE payments SET amount = amount + 1 WHERE order_id = {completed}", CHARGES
        ),
        "another amount of a declined one": Change(
            "UPDATE payments SET amount = amount + 1 WHERE order_id = {declined}", CHARGES
        ),
        "another amount of an earlier attempt": Change(
            "UPDATE payments SET amount = amount + 1 WHERE order_id = {retried} AND attempt = 1", CHARGES
        ),
        "another transaction": Change(
            "UPDATE payments SET transaction_id = 'txn_1' WHERE order_id = {completed}", GATEWAY
        ),
        "one transaction of two": Change(
            "UPDATE payments SET transaction_id = 'txn_1' WHERE status = 'succeeded'", TRANSACTIONS
        ),
        "a decline made a success": Change(
            "UPDATE payments SET status = 'succeeded', transaction_id = 'txn_1', decline_reason = NULL"
            " WHERE order_id = {declined}",
            CHARGES,
        ),
        "a success made a decline": Change(
            "UPDATE payments SET status = 'declined', transaction_id = NULL, decline_reason = 'expired_card'"
            " WHERE order_id = {completed}",
            STATUSES,
        ),
        "a success of an earlier attempt": Change(
            "UPDATE payments SET status = 'succeeded', transaction_id = 'txn_1', decline_reason = NULL"
            " WHERE order_id = {retried} AND attempt = 1",
            CHARGES,
        ),
        "an open one of an earlier attempt": Change(
            "UPDATE payments SET status = 'processing', decline_reason = NULL, answered_at = NULL"
            " WHERE order_id = {retried} AND attempt = 1",
            EARLIER,
        ),
        "a lost one of an earlier attempt": Change(
            "DELETE FROM payments WHERE order_id = {retried} AND attempt = 1", EARLIER
        ),
        "one of an earlier attempt that expired": Change(
            "INSERT INTO payments (order_id, attempt, amount, status, requested_at)"
            " SELECT id, 1, total, 'processing', 1 FROM orders WHERE id = {expired_retried}",
            EARLIER,
        ),
        "another decline of an earlier attempt": Change(
            "UPDATE payments SET decline_reason = 'x' WHERE order_id = {retried} AND attempt = 1", EARLIER
        ),
        "another decline and failure": Change(
            "UPDATE payments SET decline_reason = 'x' WHERE order_id = {declined};"
            "UPDATE failures SET detail = 'x' WHERE order_id = {declined}",
            GATEWAY,
        ),
        "an answer forgotten": Change(
            "UPDATE payments SET status = 'processing', decline_reason = NULL, answered_at = NULL"
            " WHERE order_id = {declined}",
            STATUSES,
        ),
        "an intent forgotten": Change("DELETE FROM payments WHERE order_id = {being_charged}", STATUSES),
        "a lost payment": Change("DELETE FROM payments WHERE order_id = {completed}", CHARGES),
        "a lost decline": Change("DELETE FROM payments WHERE order_id = {declined}", STATUSES),
        "a charge called recorded": Change(
            "UPDATE payments SET method = 'recorded' WHERE order_id = {completed}", RECORDED
        ),
        "a recorded one called a charge": Change(
            "UPDATE payments SET method = 'gateway' WHERE order_id = {recorded}", RECORDED
        ),
        "a recorded one of more than the total": Change(
            "UPDATE payments SET amount = amount + 100000 WHERE order_id = {recorded}", CHARGES
        ),
        "what was refunded of it": Change(
            "UPDATE payments SET refunded = refunded - 1 WHERE refunded > 0", REFUNDED
        ),
        "one of an order that owes nothing": Change(
            "INSERT INTO payments (order_id, attempt, amount, status, requested_at, answered_at,"
            " transaction_id) VALUES ({free}, 1, 0, 'succeeded', 1, 1, 'txn_1')",
            CHARGES,
        ),
    },
    "authorizations": {
        "a removed one": Change("DELETE FROM authorizations WHERE order_id = {authorized}", AUTHORIZATIONS),
        "an open one called captured": Change(
            "UPDATE authorizations SET status = 'captured', wanted = 'capture', settled_at = 1"
            " WHERE order_id = {authorized}",
            AUTHORIZATIONS,
        ),
        "a captured one called voided": Change(
            "UPDATE authorizations SET status = 'voided', wanted = 'void', reason = 'cancelled'"
            " WHERE order_id = {captured}",
            AUTHORIZATIONS,
        ),
        "a captured one opened again": Change(
            "UPDATE authorizations SET status = 'open', wanted = NULL, settled_at = NULL"
            " WHERE order_id = {captured}",
            AUTHORIZATIONS,
        ),
        "another reason of a declined capture": Change(
            "UPDATE authorizations SET failure = 'x' WHERE order_id = {capture_declined}", AUTHORIZATIONS
        ),
        "a voided one opened again": Change(
            "UPDATE authorizations SET status = 'open', wanted = NULL, settled_at = NULL"
            " WHERE order_id = {voided}",
            AUTHORIZATIONS,
        ),
        "an order captured without its money": Change(
            "UPDATE orders SET status = 'completed' WHERE id = {authorized};"
            "UPDATE reservations SET status = 'sold', closed_at = 1 WHERE order_id = {authorized}",
            STATUSES,
        ),
        "a payment called captured": Change(
            "UPDATE payments SET status = 'succeeded' WHERE order_id = {authorized}", CHARGES
        ),
        "money held of another amount": Change(
            "UPDATE payments SET amount = amount - 1 WHERE order_id = {authorized}", AUTHORIZATIONS
        ),
        "money held under another transaction": Change(
            "UPDATE payments SET transaction_id = 'txn_x' WHERE order_id = {authorized}", GATEWAY
        ),
        "an order authorized that was captured": Change(
            "UPDATE orders SET status = 'authorized' WHERE id = {captured}", STATUSES
        ),
        "a count of authorized orders": Change(
            "UPDATE batches SET authorized = authorized + 1 WHERE authorized > 0", BATCHES
        ),
        "units of an authorized order on the shelf": Change(
            "UPDATE products SET reserved = reserved - 1000, on_hand = on_hand + 1000 WHERE sku = 'MOUSE'",
            STOCK,
        ),
    },
    "refunds": {
        "another amount": Change("UPDATE refunds SET amount = amount - 1 WHERE id = {refund}", REFUNDED),
        "another amount than its lines": Change(
            "UPDATE refunds SET amount = amount - 1 WHERE id = {open_refund}", REFUND_SUMS
        ),
        "a removed one": Change(
            "DELETE FROM refund_lines WHERE refund = {open_refund};"
            "DELETE FROM refunds WHERE id = {open_refund}",
            REFUNDED,
        ),
        "a completed one set back": Change(
            "UPDATE refunds SET status = 'pending', settled_at = NULL, day = NULL WHERE id = {refund}",
            CUSTOMERS,
        ),
        "an open one completed": Change(
            "UPDATE refunds SET status = 'completed', settled_at = 1, day = '2025-11-10'"
            " WHERE id = {open_refund}",
            CUSTOMERS,
        ),
        "a lost transaction": Change("UPDATE refunds SET transaction_id = NULL WHERE id = {refund}", REFUNDS),
        "another transaction": Change(
            "UPDATE refunds SET transaction_id = transaction_id || 'x' WHERE id = {refund}", GATEWAY_REFUNDS
        ),
        "one of the gateway called recorded": Change(
            "UPDATE refunds SET method = 'recorded' WHERE id = {refund}", REFUNDS
        ),
        "one called a dispute": Change("UPDATE refunds SET kind = 'dispute' WHERE id = {refund}", REFUNDED),
        "a part for shipping": Change("UPDATE refunds SET shipping = 1 WHERE id = {refund}", REFUND_SUMS),
        "another round": Change("UPDATE refunds SET round = round + 1 WHERE id = {refund}", GATEWAY_REFUNDS),
        "one that nobody asked the gateway for": Change(
            "UPDATE refunds SET tries = 0 WHERE id = {refund}", REFUNDS
        ),
        "one approved by whoever requested it": Change(
            "UPDATE refunds SET approved_by = requested_by WHERE id = {open_refund}", REFUNDS
        ),
        "a removed dispute": Change("DELETE FROM refunds WHERE id = {dispute}", REPORTED),
        "a dispute moved to another order": Change(
            "UPDATE refunds SET order_id = (SELECT MIN(p.order_id) FROM payments p"
            " WHERE p.status = 'succeeded' AND p.method = 'gateway' AND p.attempt = refunds.attempt"
            " AND p.order_id <> refunds.order_id) WHERE id = {dispute}",
            REPORTED,
        ),
        "a dispute without its id": Change(
            "UPDATE refunds SET transaction_id = NULL WHERE id = {dispute}", REPORTED
        ),
        "a dispute that was won": Change(
            "UPDATE refunds SET status = 'completed', failure = NULL, day = '2025-11-10'"
            " WHERE kind = 'dispute' AND status = 'failed'",
            REPORTED,
        ),
        "units that did not come back": Change(
            "UPDATE refunds SET restock = NOT restock WHERE id = {refund}", STOCK
        ),
    },
    "refund_lines": {
        "more units than were sold": Change(
            "UPDATE refund_lines SET quantity = quantity + 1000 WHERE refund = {refund}", REFUNDED_UNITS
        ),
        "another amount": Change(
            "UPDATE refund_lines SET amount = amount + 1 WHERE refund = {refund}", REFUND_SUMS
        ),
        "a removed line": Change("DELETE FROM refund_lines WHERE refund = {refund}", STOCK),
    },
    "failures": {
        "a removed one": Change("DELETE FROM failures WHERE order_id = {failed}", STATUSES),
        "a removed one of an earlier attempt": Change(
            "DELETE FROM failures WHERE order_id = {retried} AND attempt = 1", EARLIER
        ),
        "another reason": Change(
            "UPDATE failures SET reason = 'declined' WHERE order_id = {failed}", STATUSES
        ),
        "another reason of an earlier attempt": Change(
            "UPDATE failures SET reason = 'expired' WHERE order_id = {retried} AND attempt = 1", EARLIER
        ),
        "another reason of the gateway": Change(
            "UPDATE failures SET detail = 'x' WHERE order_id = {declined}", STATUSES
        ),
        "one of a sale": Change(
            "INSERT INTO failures (order_id, attempt, reason, detail, failed_at)"
            " SELECT id, attempt, 'cancelled', '', 1 FROM orders WHERE id = {completed}",
            STATUSES,
        ),
        "one of an attempt that never was": Change(
            "INSERT INTO failures (order_id, attempt, reason, detail, failed_at)"
            " VALUES ({completed}, 7, 'cancelled', '', 1)",
            ATTEMPTS,
        ),
    },
    "rejects": {
        "a removed one": Change("DELETE FROM rejects WHERE code = 'quantity_not_positive'", REJECTS),
        "a removed conflict": Change("DELETE FROM rejects WHERE code = 'order_conflict'", REJECTS),
        "one made a good line": Change("UPDATE rejects SET code = 'order_rejected'", REJECTS),
        "those of a refused file": Change("DELETE FROM rejects WHERE import_id = {refused_import}", REJECTS),
        "those of a running import": Change(
            "DELETE FROM rejects WHERE import_id = {running_import}", REJECTS
        ),
        "one of another file": Change(
            "UPDATE rejects SET import_id = {finished_import}, record = 999"
            " WHERE import_id = {running_import}",
            REJECTS,
        ),
    },
    "customer_totals": {
        "what a customer spent": Change("UPDATE customer_totals SET spent = spent + 1", CUSTOMERS),
        "a customer's orders": Change("UPDATE customer_totals SET orders = orders - 1", CUSTOMERS),
        "what was given back to a customer": Change(
            "UPDATE customer_totals SET refunded = refunded - 1 WHERE refunded > 0", CUSTOMERS
        ),
        "a removed total": Change("DELETE FROM customer_totals", CUSTOMERS),
        "another currency": Change(
            "UPDATE customer_totals SET currency = 'CHF' WHERE currency = 'EUR'", CUSTOMERS
        ),
    },
    "returns": {
        "a removed return": Change(
            "DELETE FROM return_lines WHERE return_id IN (SELECT id FROM returns WHERE number = 'R1');"
            "DELETE FROM returns WHERE number = 'R1'",
            RETURNS,
        ),
        "another total": Change("UPDATE returns SET total = total + 1", RETURN_SUMS),
        "another day": Change("UPDATE returns SET day = '2025-11-14'", DAYS),
        "another customer": Change("UPDATE returns SET customer_id = NULL", CUSTOMERS),
        "a count of returns": Change("UPDATE imports SET returns = returns + 1 WHERE returns > 0", RETURNS),
        "a count of refused returns": Change(
            "UPDATE imports SET refused_returns = refused_returns + 1 WHERE refused_returns > 0", REJECTS
        ),
    },
    "order_returns": {
        "a removed return": Change("DELETE FROM order_returns", RETURNS),
        "another amount": Change("UPDATE order_returns SET amount = amount + 1", RETURNS_BOOKED),
        "more units": Change("UPDATE order_returns SET quantity = quantity + 1000", RETURNS_BOOKED),
        "another order": Change("UPDATE order_returns SET order_number = 'n1'", RETURNS_BOOKED),
        "not booked": Change("UPDATE order_returns SET booked_at = NULL", RETURNS_BOOKED),
    },
    "return_lines": {
        "another total": Change("UPDATE return_lines SET total = total + 10000", RETURN_SUMS),
        "more units": Change("UPDATE return_lines SET quantity = quantity + 1000", PRODUCTS),
    },
    "product_totals": {
        "units": Change("UPDATE product_totals SET units = units + 1", PRODUCTS),
        "revenue": Change("UPDATE product_totals SET revenue = revenue + 1", PRODUCTS),
        "orders": Change("UPDATE product_totals SET orders = orders + 1", PRODUCTS),
        "units that came back": Change(
            "UPDATE product_totals SET units_returned = units_returned + 1", PRODUCTS
        ),
        "a removed total": Change("DELETE FROM product_totals", PRODUCTS),
    },
    "kpi_days": {
        "a removed day": Change("DELETE FROM kpi_days WHERE day = '2025-11-10'", KPI_DAYS),
        "a day marked due": Change("UPDATE kpi_days SET due_since = 1 WHERE due_since IS NULL", KPI_DAYS),
        "a due day called published": Change("UPDATE kpi_days SET due_since = NULL", KPI_DAYS),
        "a day with refunds only": Change(
            "DELETE FROM kpi_days WHERE day = (SELECT day FROM refunds WHERE id = {dispute})", KPI_DAYS
        ),
        "an older version": Change("UPDATE kpi_days SET version = version - 1", KPI_DAYS),
        "another published version": Change("UPDATE kpi_days SET published = published + 1", KPI_DAYS),
    },
    "gateway_events": {
        "a dispute ignored": Change(
            "UPDATE gateway_events SET status = 'ignored' WHERE type = 'dispute.opened'", REPORTED
        ),
        "another dispute": Change("UPDATE gateway_events SET subject = subject || 'x'", REPORTED),
    },
    "settlement_files": {
        "a report without its lines": Change(
            "INSERT INTO settlement_files"
            " (format, file_name, file_sha256, file_bytes, account, imported_at, imported_by, accepted)"
            " VALUES ('stripe', 'report.csv', '0', 1, '', 1, 'cli:ada', 1)",
            PAYOUT_LINES,
        ),
    },
    "operator_actions": {
        "a removed action": Change("DELETE FROM operator_actions WHERE action = 'orders.cancel'", AUDIT),
        "the latest action": Change(
            "DELETE FROM operator_actions WHERE id = (SELECT MAX(id) FROM operator_actions)", AUDIT
        ),
        "an action that never was": Change(
            "INSERT INTO operator_actions (at, actor, action, target, detail)"
            " VALUES (1, 'cli:ada', 'orders.retry', '', '{{}}')",
            AUDIT,
        ),
    },
}
