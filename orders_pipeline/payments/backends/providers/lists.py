"""How the pages of a provider's list are read, whatever the provider."""

from __future__ import annotations

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from orders_pipeline.payments.backends.providers.answers import OutcomeUnknown

TRIES = 3


def tried() -> AsyncRetrying:
    """Repeats the request for a page while the provider cannot answer; the last OutcomeUnknown is raised."""
    return AsyncRetrying(
        retry=retry_if_exception_type(OutcomeUnknown),
        stop=stop_after_attempt(TRIES),
        wait=wait_random_exponential(multiplier=0.25, max=5),
        reraise=True,
    )
