"""Passwords of users: which are accepted, and how they are kept.

Argon2id with the parameters that RFC 9106 recommends. The same work is done for a user who does not exist,
so the time of an answer does not tell which names are known.
"""

from __future__ import annotations

from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST = 12
# Argon2 accepts more, but a form should not be able to send it a megabyte.
LONGEST = 512
# zxcvbn counts in powers of ten: below 3, a password takes fewer than 10^8 guesses.
LEAST_SCORE = 3
# The time of zxcvbn grows with the length, and these characters are enough.
JUDGED = 64


class WeakPasswordError(ValueError):
    """A password that is too short, too long or easy to guess."""


def require_strong(password: str, user: str) -> None:
    """Makes sure that a new password is not easy to guess.

    Raises:
        WeakPasswordError: it is.
    """
    if len(password) < SHORTEST:
        raise WeakPasswordError(f"A password needs at least {SHORTEST} characters.")
    if len(password) > LONGEST:
        raise WeakPasswordError(f"A password may have at most {LONGEST} characters.")
    if not password.isprintable():
        raise WeakPasswordError("A password may not contain control characters.")
    # Imported here, because it loads lists of words that nothing else needs.
    from zxcvbn import zxcvbn  # noqa: PLC0415

    judged = zxcvbn(password[:JUDGED], user_inputs=[user, "orders", "pipeline"])
    if judged["score"] < LEAST_SCORE:
        warning = judged["feedback"]["warning"] or "This password is easy to guess."
        raise WeakPasswordError(f"{warning} Use a few uncommon words, or let a password manager choose.")


def hash_password(password: str) -> str:
    """The stored form of a password."""
    return _hasher().hash(password)


def is_password(kept: str | None, shown: str) -> bool:
    """Whether a password is the stored one. If none is stored, the same work is done anyway."""
    try:
        return _hasher().verify(kept or _of_nobody(), shown[: LONGEST + 1]) and kept is not None
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(kept: str) -> bool:
    """Whether a password was hashed with other parameters than new ones are."""
    return _hasher().check_needs_rehash(kept)


@lru_cache(maxsize=1)
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@lru_cache(maxsize=1)
def _of_nobody() -> str:
    return _hasher().hash("the password of nobody")
