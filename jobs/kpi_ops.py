"""The op and job that bring published figures up to date with the orders."""

from dagster import In, Nothing, OpExecutionContext, ResourceParam, job, op

from jobs.executor import TIME_LIMIT_TAG
from jobs.failures import THREE_TRIES, permanent_failures
from jobs.kpi_metadata import day_materializations
from resources.reporting import ReportingStores

FIGURES_WORK = {"dagster-celery/queue": "dagster", TIME_LIMIT_TAG: "1800"}
REFRESH_KPIS = "refresh_kpis"


@op(ins={"after": In(Nothing)}, retry_policy=THREE_TRIES, tags=FIGURES_WORK)
def refresh_touched_days(context: OpExecutionContext, reporting: ResourceParam[ReportingStores]) -> None:
    """Publishes each KPI day whose orders changed since it was last published, however far apart they lie."""
    with permanent_failures(), reporting.open() as figures:
        events = day_materializations(figures.refresh_dirty_days(), figures.currency)
    for event in events:
        context.log_event(event)
    context.add_output_metadata({"days": len(events)})


@job(name=REFRESH_KPIS, description="Publishes the KPI days whose orders changed.")
def refresh_kpis_job() -> None:
    """Recomputes exactly the days that imports touched, in one run."""
    refresh_touched_days()
