"""The asset `pipeline_snapshot`, which a sensor writes every five minutes."""

from datetime import timedelta

from dagster import AssetSpec, FreshnessPolicy

from assets.metadata import FIGURES_TEAM, column_schema
from orders_pipeline.figures.kpis.dictionary import PIPELINE_SNAPSHOT

pipeline_snapshot = AssetSpec(
    PIPELINE_SNAPSHOT.name,
    description=PIPELINE_SNAPSHOT.meaning,
    metadata=column_schema(PIPELINE_SNAPSHOT, keys=["taken_at"]),
    group_name="figures",
    owners=FIGURES_TEAM,
    kinds={"sql"},
    freshness_policy=FreshnessPolicy.time_window(fail_window=timedelta(minutes=20)),
)
