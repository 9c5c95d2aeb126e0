"""Checks whether workers and the payment gateway, which imports need, are available."""

from sqlalchemy import Engine

from jobs.workers.celery_settings import step_app
from jobs.workers.queues import unserved_queues
from orders_pipeline.base.settings import Settings, SettingsError
from orders_pipeline.payments.connect import connect_gateway

WORKERS_ANSWER_WITHIN_SECONDS = 5


def missing_for_imports(settings: Settings, engine: Engine) -> str | None:
    """Returns what is missing for a launch; empty if nothing is.

    A launch without it would waste one of its tries.
    """
    if not _workers_answer(settings):
        return "a worker"
    try:
        return None if connect_gateway(settings, engine).answers() else "the payment gateway"
    except SettingsError:
        # The launch is not stopped: the run of the import reports the error, where people look for it.
        return None


def _workers_answer(settings: Settings) -> bool:
    return not unserved_queues(step_app(settings), WORKERS_ANSWER_WITHIN_SECONDS)
