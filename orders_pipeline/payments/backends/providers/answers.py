"""The possible meanings of a provider's response, independent of the provider's client."""

from __future__ import annotations


class OutcomeUnknown(Exception):
    """The request may have arrived, or the provider cannot answer now.

    Attributes:
        retry_after: seconds that the provider asks to wait.
        status: of the answer; None if there was none.
    """

    def __init__(self, why: str, retry_after: float = 0.0, status: int | None = None) -> None:
        super().__init__(why)
        self.retry_after = retry_after
        self.status = status


class Refused(Exception):
    """The provider permanently refused this request and moved no money; the message is the provider's.

    Attributes:
        status: HTTP status of the response.
    """

    def __init__(self, why: str, status: int | None = None) -> None:
        super().__init__(why)
        self.status = status


class CardDeclined(Exception):
    """The bank or the provider declined the payment. `reason` is the provider's decline code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def retry_after(header: str | None) -> float:
    """Returns the seconds of a `Retry-After` header; 0 if it has none."""
    return float(header) if header and header.isascii() and header.isdigit() else 0.0
