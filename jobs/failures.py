"""The handling of failed ops, in one place.

After transient failures (a store, broker, cache or gateway does not answer), an op is tried three times with
increasing waits. All other failures are final, because a retry cannot fix a bug or a bad file. Dagster's run
retries are off, because a run that is retried from failure can succeed without doing its work. Instead, the
whole import is launched again, and the steps of finished batches return at once.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from celery.exceptions import SoftTimeLimitExceeded
from dagster import Backoff, Failure, Jitter, OpExecutionContext, RetryPolicy
from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from jobs.workers.queue_heads import queued_at
from orders_pipeline.base.telemetry.stack_trace import message_of, without_values
from orders_pipeline.imports.arrival.intake import IntakePausedError
from orders_pipeline.imports.file_import import FileImport
from orders_pipeline.imports.state.step_failures import WHOLE_FILE, Step, noting_failures
from orders_pipeline.imports.state.traced_steps import traced_step
from orders_pipeline.store.revisions import StoreRefused
from resources.file_imports import FileImports

TRANSIENT = (OperationalError, InterfaceError, RedisError, ConnectionError, TimeoutError)
THREE_TRIES = RetryPolicy(max_retries=2, delay=2, backoff=Backoff.EXPONENTIAL, jitter=Jitter.PLUS_MINUS)


@contextmanager
def import_step(
    context: OpExecutionContext, file_imports: FileImports, batch: int = WHOLE_FILE
) -> Iterator[FileImport]:
    """Yields the steps of the run's import. A failure is stored and, unless it is transient, final."""
    key = context.partition_key
    step = Step(key, context.op_def.name, context.run_id, batch)
    with (
        permanent_failures(),
        file_imports.open(key) as steps,
        noting_failures(steps.engine, step),
        traced_step(steps.engine, step, queued_at()),
    ):
        yield steps


@contextmanager
def permanent_failures() -> Iterator[None]:
    """Leaves transient failures to the retry policy, and makes all other failures final."""
    try:
        yield
    except (Failure, *TRANSIENT):
        raise
    except SoftTimeLimitExceeded as error:
        raise Failure("The step took longer than its time limit.", allow_retries=False) from error
    except DBAPIError as error:
        refused = f"The order store refused a statement: {message_of(error)}"
        raise Failure(refused, allow_retries=False) from None
    except IntakePausedError as error:
        hint = (
            "After `orders resume` it is launched automatically under `orders up`; otherwise launch it again."
        )
        raise Failure(f"{error}. {hint}", allow_retries=False) from None
    except StoreRefused as refused:
        raise Failure(str(refused), allow_retries=False) from None
    except Exception as error:  # noqa: BLE001 raised again as a failure, without values
        said = f"{type(error).__name__}: {message_of(error)}"
        raise Failure(said, allow_retries=False) from without_values(error)
