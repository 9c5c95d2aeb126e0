"""Assets with a partition for each KPI day, of which a run computes any number at once."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dagster import (
    AssetsDefinition,
    BackfillPolicy,
    BetaWarning,
    DailyPartitionsDefinition,
    FreshnessPolicy,
    MaterializeResult,
    asset,
)

from assets.lineage import ORDERS_AND_REFUNDS
from jobs.failures import THREE_TRIES
from jobs.figures.ops import FIGURES_WORK
from orders_pipeline.base.settings import Settings
from orders_pipeline.figures.kpis.dictionary import Dataset


def kpi_partitions(settings: Settings) -> DailyPartitionsDefinition:
    """Returns the partitions: KPI days in the configured time zone, from the first day to today."""
    # Without the offset, a day's partition would exist only after the end of the day.
    return DailyPartitionsDefinition(
        start_date=settings.first_day.isoformat(), timezone=settings.timezone, end_offset=1
    )


def daily_asset(
    dataset: Dataset,
    settings: Settings,
    compute: Callable[..., MaterializeResult[Any]],
    *,
    freshness: FreshnessPolicy,
    group: str,
    kinds: set[str],
    owners: Sequence[str],
    metadata: Mapping[str, Any],
) -> AssetsDefinition:
    """Returns the asset of a data set with a row for each day and currency.

    Args:
        compute: computes all partitions of its run.
    """
    with warnings.catch_warnings():
        # Dagster marks the backfill policy as beta and would print a warning at each command.
        warnings.simplefilter("ignore", BetaWarning)
        return asset(
            name=dataset.name,
            partitions_def=kpi_partitions(settings),
            deps=ORDERS_AND_REFUNDS,
            code_version=dataset.version,
            freshness_policy=freshness,
            backfill_policy=BackfillPolicy.single_run(),
            retry_policy=THREE_TRIES,
            op_tags=FIGURES_WORK,
            group_name=group,
            kinds=kinds,
            owners=owners,
            metadata=metadata,
            description=dataset.meaning,
        )(compute)
