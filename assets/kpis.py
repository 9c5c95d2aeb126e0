"""The asset `daily_kpis`: the KPIs of each day."""

from datetime import date, timedelta
from typing import Any

from dagster import (
    AssetExecutionContext,
    AssetMaterialization,
    AssetsDefinition,
    FreshnessPolicy,
    MaterializeResult,
    ResourceParam,
)

from assets.column_lineage import column_lineage
from assets.daily import daily_asset
from assets.metadata import FIGURES_TEAM, column_schema
from jobs.dagster_seams.provenance import provenance
from jobs.failures import permanent_failures
from jobs.figures.logged import INPUTS
from jobs.figures.metadata import metadata_by_day
from orders_pipeline.base.settings import Settings
from orders_pipeline.figures.kpis.dictionary import DAILY_KPIS
from resources.figures import FigureStores


def kpi_assets(settings: Settings) -> list[AssetsDefinition]:
    """Returns all assets of this module."""
    daily_kpis = daily_asset(
        DAILY_KPIS,
        settings,
        refresh_partitions,
        freshness=FreshnessPolicy.time_window(fail_window=timedelta(hours=4), warn_window=timedelta(hours=2)),
        group="figures",
        kinds={"duckdb", "redis"},
        owners=FIGURES_TEAM,
        metadata=column_schema(DAILY_KPIS, keys=["day", "currency"]) | column_lineage(DAILY_KPIS),
    )
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
