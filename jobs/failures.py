"""How failures of ops are met, in one place.

Transient failures (a store, broker, cache or gateway that does not answer) are tried three times with growing
waits. All else fails at once: trying a bug or a bad file again changes nothing. Dagster's own run retries
stay off, because a run retried from failure can end well without having done its work; an import is launched
again whole, and finished batches return at once.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from celery.exceptions import SoftTimeLimitExceeded
from dagster import Backoff, Failure, Jitter, RetryPolicy
from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

TRANSIENT = (OperationalError, InterfaceError, RedisError, ConnectionError, TimeoutError)
THREE_TRIES = RetryPolicy(max_retries=2, delay=2, backoff=Backoff.EXPONENTIAL, jitter=Jitter.PLUS_MINUS)


@contextmanager
def permanent_failures() -> Iterator[None]:
    """Lets transient failures pass to the retry policy; makes all others final."""
    try:
        yield
    except (Failure, *TRANSIENT):
        raise
    except SoftTimeLimitExceeded as error:
        raise Failure("The step took longer than its time limit.", allow_retries=False) from error
    except DBAPIError as error:
        # PostgreSQL repeats the statement's values, customer data, after the first line.
        reason = str(error.orig).partition("\n")[0]
        raise Failure(f"The order store refused a statement: {reason}", allow_retries=False) from None
    except Exception as error:
        raise Failure(f"{type(error).__name__}: {error}", allow_retries=False) from error
