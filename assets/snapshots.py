"""The asset `pipeline_snapshot`, which its own job writes every five minutes."""

from dagster import AssetSpec

from assets.metadata import FIGURES_TEAM, column_schema
from orders_pipeline.figures.kpis.dictionary import PIPELINE_SNAPSHOT

pipeline_snapshot = AssetSpec(
    PIPELINE_SNAPSHOT.name,
    description=PIPELINE_SNAPSHOT.meaning,
    metadata=column_schema(PIPELINE_SNAPSHOT, keys=["taken_at"]),
    group_name="figures",
    owners=FIGURES_TEAM,
    kinds={"sql"},
)
