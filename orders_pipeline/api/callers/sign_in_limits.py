"""Limits for guessing passwords. None of them locks a user out.

Wrong passwords are counted for each address with the name that it tries, and for each address. A browser in
which the user has signed in before is counted separately. In addition, only a few passwords are checked at a
time, because each check costs memory and time; marked browsers do not wait behind the others.
"""

from __future__ import annotations

from hashlib import sha256

from anyio import CapacityLimiter
from limits import RateLimitItemPerMinute

from orders_pipeline.api.callers.rate_limit import RateLimit
from orders_pipeline.api.protocol.errors import Refused

MINUTES = 5
TRIES_OF_ONE_NAME = 10
TRIES_OF_ONE_ADDRESS = 60
CHECKS_AT_ONCE = 2
MOST_WAITING = 20
TOO_MANY = "Too many wrong passwords."
BUSY = "Too many people are signing in at this moment."


class SignInLimits:
    """The limits of one process. Counts are shared over Redis, as long as it answers."""

    def __init__(self, counts: RateLimit) -> None:
        self._counts = counts
        self._one_name = RateLimitItemPerMinute(TRIES_OF_ONE_NAME, MINUTES, "sign-in-names")
        self._one_address = RateLimitItemPerMinute(TRIES_OF_ONE_ADDRESS, MINUTES, "sign-in-addresses")
        self._slots, self._slot_of_marked = CapacityLimiter(CHECKS_AT_ONCE), CapacityLimiter(1)

    def slots(self, is_marked: bool) -> CapacityLimiter:
        """The threads in which passwords are checked.

        Raises:
            Refused: 503, too many others wait for one.
        """
        slots = self._slot_of_marked if is_marked else self._slots
        if slots.statistics().tasks_waiting >= MOST_WAITING:
            raise Refused(503, BUSY, {"Retry-After": "5"})
        return slots

    def count(self, address: str, name: str, mark: str) -> None:
        """Counts a try before its password is checked, so that many at once cannot exceed the limit.

        Args:
            mark: of a browser in which this user has signed in before; else empty.

        Raises:
            Refused: 429, with the seconds to wait.
        """
        if not mark:
            self._counts.refuse_more(self._one_address, address, TOO_MANY)
        self._counts.hit(self._one_name, _counted(address, name, mark), TOO_MANY)

    def note_wrong(self, address: str, mark: str) -> None:
        """Counts a wrong password of an address."""
        if not mark:
            self._counts.note(self._one_address, address)

    def forget(self, address: str, name: str, mark: str) -> None:
        """Forgets the tries before the right password."""
        self._counts.forget(self._one_name, _counted(address, name, mark))


def _counted(address: str, name: str, mark: str) -> str:
    # What was typed into the form may be anything, even a password.
    return sha256(f"{mark or address} {name.strip().lower()}".encode()).hexdigest()
