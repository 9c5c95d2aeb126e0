"""The asset `daily_kpis`: the KPIs of each day."""

import warnings
from datetime import date, timedelta
from typing import Any

from dagster import (
    AssetDep,
    AssetExecutionContext,
    AssetMaterialization,
    AssetsDefinition,
    BackfillPolicy,
    BetaWarning,
    DailyPartitionsDefinition,
    FreshnessPolicy,
    MaterializeResult,
    ResourceParam,
    asset,
)

from assets.column_lineage import column_lineage
from assets.lineage import AS_THE_STORE_KNOWS
from assets.metadata import FIGURES_TEAM, column_schema
from jobs.dagster_seams.provenance import provenance
from jobs.failures import THREE_TRIES, permanent_failures
from jobs.figures.logged import INPUTS
from jobs.figures.metadata import metadata_by_day
from jobs.figures.ops import FIGURES_WORK
from orders_pipeline.base.settings import Settings
from orders_pipeline.figures.kpis.dictionary import DAILY_KPIS
from resources.figures import FigureStores


def kpi_partitions(settings: Settings) -> DailyPartitionsDefinition:
    """Returns the partitions: KPI days in the configured time zone, from the first day to today."""
    # Without the offset, a day's partition would exist only after the end of the day.
    return DailyPartitionsDefinition(
        start_date=settings.first_day.isoformat(), timezone=settings.timezone, end_offset=1
    )


def kpi_assets(settings: Settings) -> list[AssetsDefinition]:
    """Returns all assets of this module."""
    with warnings.catch_warnings():
        # Dagster marks the backfill policy as beta and would print a warning at each command.
        warnings.simplefilter("ignore", BetaWarning)
        daily_kpis = asset(
            name=DAILY_KPIS.name,
            partitions_def=kpi_partitions(settings),
            deps=[AssetDep("orders", partition_mapping=AS_THE_STORE_KNOWS), "refunds"],
            code_version=DAILY_KPIS.version,
            freshness_policy=FreshnessPolicy.time_window(
                fail_window=timedelta(hours=4), warn_window=timedelta(hours=2)
            ),
            backfill_policy=BackfillPolicy.single_run(),
            retry_policy=THREE_TRIES,
            op_tags=FIGURES_WORK,
            group_name="figures",
            kinds={"duckdb", "redis"},
            owners=FIGURES_TEAM,
            metadata=column_schema(DAILY_KPIS, keys=["day", "currency"]) | column_lineage(DAILY_KPIS),
            description=DAILY_KPIS.meaning,
        )(refresh_partitions)
    return [daily_kpis]


def refresh_partitions(
    context: AssetExecutionContext, figures: ResourceParam[FigureStores]
) -> MaterializeResult[Any]:
    """Recomputes all days of this run at once."""
    wanted = {date.fromisoformat(key) for key in context.partition_keys}
    with permanent_failures(), figures.open() as published:
        refreshed = dict(
            metadata_by_day(published.refresh_days(wanted), published.currency, figures.console_url)
        )
    for day, metadata in refreshed.items():
        if day in wanted:
            context.add_asset_metadata(metadata, partition_key=day.isoformat())
        else:
            # A later day changes if a customer's first purchase moves to an earlier day.
            context.log_event(
                AssetMaterialization(
                    DAILY_KPIS.name,
                    partition=day.isoformat(),
                    metadata=metadata,
                    tags=provenance(DAILY_KPIS.version, INPUTS),
                )
            )
    return MaterializeResult(metadata={"days_in_this_run": len(wanted)})
