"""Metadata for finding a charge or refund: providers keep it, but idempotency keys only briefly."""

from __future__ import annotations

from hashlib import sha256

STORE, KEY, ORDER, ATTEMPT = "orders_store", "orders_key", "orders_number", "orders_attempt"
# Stripe accepts at most 500 characters in a value.
VALUE_LENGTH = 500


def kept_key(key: str) -> str:
    """Returns a key in the form for metadata: a long key becomes a hash and the attempt."""
    if len(key) <= VALUE_LENGTH:
        return key
    start, _, attempt = key.rpartition("/")
    return f"{sha256(start.encode()).hexdigest()}/{attempt}"


def order_number(key: str) -> str:
    """Returns the order number in the key of a charge, for metadata and for people."""
    _, _, rest = key.partition("/")
    return rest.rpartition("/")[0][:VALUE_LENGTH]
