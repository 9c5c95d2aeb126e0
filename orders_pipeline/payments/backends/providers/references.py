"""Metadata by which a charge or refund is found again: providers keep it, but forget idempotency keys."""

from __future__ import annotations

from hashlib import sha256

STORE, KEY, ORDER, ATTEMPT = "orders_store", "orders_key", "orders_number", "orders_attempt"
# Stripe takes 500 characters in a value.
VALUE_LENGTH = 500


def kept_key(key: str) -> str:
    """Returns a key as it is kept in metadata: of a long one, a hash and the attempt."""
    if len(key) <= VALUE_LENGTH:
        return key
    start, _, attempt = key.rpartition("/")
    return f"{sha256(start.encode()).hexdigest()}/{attempt}"


def order_number(key: str) -> str:
    """Returns the order number in the key of a charge, as it is kept in metadata and shown to people."""
    _, _, rest = key.partition("/")
    return rest.rpartition("/")[0][:VALUE_LENGTH]
