"""Comments of columns say in plain words what the columns contain"""

from __future__ import annotations

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

# By table and column: the comment from now on, and the one before.
COMMENTS = {
    "alerts": {
        "subject": (
            "what it concerns: a queue, a service, a partition key",
            "what it is about: a queue, a service, a partition key",
        ),
        "told": (
            "whether a notice of its current state was sent",
            "whether people were told of its present state",
        ),
    },
    "api_keys": {
        "prefix": ("part by which the key is found", "the part of the key by which it is found"),
        "last_used_at": ("last use, to the hour", "to the hour"),
    },
    "authorizations": {
        "wanted": ("requested: capture or void", "what was asked for: capture or void"),
        "reason": ("reason of a void", "of a void: why the order ends"),
        "detail": ("reason of a void, in words", "of a void: the same in words"),
        "round": ("1, plus 1 for each failed void", "1, and one more for each void that failed"),
        "tries": ("requests to the gateway in this round", "times that the gateway was asked in this round"),
    },
    "backups": {
        "ended_at": (
            "empty while it runs, or if it was killed",
            "empty while it runs, and when it was killed",
        ),
    },
    "batches": {
        "retried": ("orders reopened", "orders made open again"),
        "tries": ("of steps, since a success", "of steps, since one ended well"),
        "checksum": ("see loading/checksum.py", "see imports/checksum.py"),
    },
    "customer_contacts": {
        "email": ("address in the most recently loaded order", "of the order that was loaded last"),
        "language": ("code such as de, if a file has one", "code such as de, if a file tells it"),
        "unsubscribed_at": ("when the customer unsubscribed", "since when the customer wants no notices"),
        "bounced_at": (
            "when a mail server refused the address permanently",
            "when a mail server refused the address for good",
        ),
    },
    "customers": {
        "search_name": (
            "name in lower case, for searches",
            "the name in small letters, by which customers are searched",
        ),
    },
    "deliveries": {
        "error": ("error of the last try, if it failed", "of the last try, if it failed"),
    },
    "events": {
        "subject": (
            "empty for an order: then source and number",
            "empty for an order, whose source and number it is",
        ),
        "data": (
            "empty if it follows from the order and its attempt",
            "empty where it follows from the order and its attempt",
        ),
        "spread_at": ("when it was distributed to its endpoints", "when it was given to its endpoints"),
    },
    "gateway_events": {
        "id": (
            "given by the gateway; repetitions have the same id",
            "drawn by the gateway, the same for each repetition",
        ),
    },
    "home": {
        "token": ("random; identifies this store", "drawn at random: tells this store from any other"),
        "gateway": ("gateway of the payments", "where charges are made"),
        "publisher": ("home that publishes the KPIs", "home whose warehouse shows KPIs"),
        "timezone": (
            "time zone of the KPI days; empty before the first order",
            "in which the days of the stored orders are; empty before the first order",
        ),
        "currency": (
            "currency of files that name none; empty before the first order",
            "of files without a currency column; empty before the first order",
        ),
        "events_read_until": (
            "time up to which the provider's events were read",
            "up to when the provider's list of events was read",
        ),
    },
    "imports": {
        "run_beat_at": ("last heartbeat of the run's process", "last sign of life of the run's process"),
        "work_beat_at": (
            "last heartbeat of a worker on one of its steps",
            "last sign of life of a worker on one of its steps",
        ),
        "launches": ("since the last progress", "since there last was progress"),
        "progress_seen": ("at the last launch", "at its last launch"),
        "parsed": (
            "result of parsing, and the rules applied",
            "what parsing found out, and the rules that it applied",
        ),
        "max_rejects": (
            "limit of bad lines: a number, or a share such as 5%",
            "bad lines that are allowed: a count, or a share such as 5%",
        ),
        "removed_rejects": ("number of removed rejects by code", "their number by code"),
        "reopened_at": ("when it was last reopened", "when somebody last asked for it to be tried again"),
        "dropped_at": (
            "when its file was dropped (ns), until it has a run",
            "ns; of its file in the inbox, until it has a run",
        ),
        "dismissed_at": ("when its refusal was dismissed", "when somebody set its refusal aside"),
        "tries": ("of parsing, since a success", "of parsing, since it ended well"),
    },
    "notification_sender": {
        "holder": ("process that sends notices", "the process that sends"),
        "last_error": ("error of the last failure", "of the last failure"),
    },
    "notifications": {
        "data": ("data of the event that the order does not have", "what the event tells beside the order"),
        "round": ("number of resends", "times it was sent again"),
    },
    "operator_actions": {
        "actor": (
            "cli:USER, user:NAME, key:NAME, or a part of the pipeline",
            "cli:USER, key:NAME, or the part that acted by itself",
        ),
        "target": ("object of the action, if there is one", "what was acted on, where that is one thing"),
    },
    "order_returns": {
        "number": ("number of the return", "of the return"),
        "order_number": ("number of the order that the return names", "that the return names"),
        "record": ("number of the record in the file", "of the file"),
    },
    "payout_lines": {
        "fee": ("fee that the provider kept", "that the provider kept"),
    },
    "payouts": {
        "reference": ("id at the provider", "as the provider names it"),
        "bank_reference_key": (
            "reference at the bank, if the provider reports it",
            "that the bank shows, if the provider tells it",
        ),
    },
    "products": {
        "low_stock": (
            "low-stock threshold, in units on hand",
            "units on hand from which on an event says that stock is low",
        ),
        "category": (
            "category in the product list; empty without one",
            "from a product list; empty if none has one",
        ),
    },
    "quarantined_files": {
        "file_name": (
            "in the inbox; unprintable characters are escaped",
            "as dropped; what is no readable text is escaped",
        ),
        "kept_as": ("name in the folder quarantine", "its name in the folder quarantine"),
        "partition_key": ("key of the resulting import", "of the import that it became"),
        "retry_asked_at": (
            "when a retry was requested; empty once it was tried",
            "until the inbox has tried it again",
        ),
        "retry_as": ("reading options of the retry", "how it is read then, by option"),
    },
    "refunds": {
        "refund_id": ("random; its public id", "drawn at random; its name outside"),
        "method": ("recorded: refunded elsewhere", "recorded: the money was given back elsewhere"),
        "shipping": ("part of the amount that belongs to no line", "part of the amount that is of no line"),
        "fee": ("fee of a dispute, in addition to the amount", "of a dispute, on top of the amount"),
        "restock": (
            "whether the units of its lines go back into stock",
            "whether the units of its lines are sold again",
        ),
        "reason": ("reason given in the request", "as given by whoever asked"),
        "request_digest": ("SHA-256 of the request with this key", "SHA-256 of what was asked with that key"),
        "needs_approval": ("waits for approval by another operator", "waits for another operator"),
        "round": (
            "1, plus 1 for each retry after a failure",
            "1, and one more for each retry after a failure",
        ),
        "tries": ("requests to the gateway in this round", "times that the gateway was asked in this round"),
        "day": ("KPI day of a completed refund", "KPI day of a completed one"),
    },
    "rejects": {
        "record": (
            "number of the record, not counting the header",
            "record of the file, the header not counted",
        ),
        "item": ("of a record with several items", "of a record that holds several"),
    },
    "result_files": {
        "settled_at": (
            "settled_at of the import when the results were read",
            "of the import, when they were read",
        ),
    },
    "returns": {
        "total": (
            "refunded amount, in the currency's minor unit",
            "given back, in the currency's minor unit",
        ),
    },
    "settlement_files": {
        "provider": (
            "provider of the report; empty for a bank statement",
            "whose report it is; empty for a bank statement",
        ),
        "first_at": (
            "time of the first line, or first day of a statement",
            "of its lines, or the first day of a statement",
        ),
    },
    "step_failures": {
        "attempts": ("failed tries since the last success", "tries that failed since one ended well"),
    },
    "stock_receipts": {
        "number": ("1, 2, 3 ... for each product", "1, 2, 3 ... of its product"),
    },
    "user_sessions": {
        "seen_at": ("last use, to the minute", "to the minute"),
        "expires_at": ("end of the session, even if it is in use", "however much it is used"),
        "address": ("address of the client", "of the client that signed in"),
        "browser": ("User-Agent, shortened", "as it named itself, shortened"),
    },
    "users": {
        "name": ("in lower case", "in small letters"),
        "password": (
            "Argon2 hash; empty for a user without a password",
            "hashed by Argon2; empty: signs in elsewhere",
        ),
        "signed_in_at": ("last sign-in", "last"),
    },
    "webhook_endpoints": {
        "previous_secret": ("also signs, until previous_until", "signs too, until previous_until"),
        "holder": ("process that delivers to it", "the process that delivers to it"),
        "failing_since": ("first of these failures", "first of these failures"),
        "last_error": ("error of the last failure", "of the last failure"),
    },
}


def upgrade() -> None:
    _comment(0)


def downgrade() -> None:
    _comment(1)


def _comment(version: int) -> None:
    """SQLite has no comments."""
    if op.get_bind().dialect.name != "postgresql":
        return
    for table, columns in COMMENTS.items():
        for column, comments in columns.items():
            op.alter_column(table, column, comment=comments[version])
