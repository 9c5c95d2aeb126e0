"""How Dagster interprets materializations that an op logged with their provenance."""

import pytest
from dagster import (
    AssetMaterialization,
    DagsterInstance,
    DailyPartitionsDefinition,
    Definitions,
    OpExecutionContext,
    Output,
    asset,
    job,
    op,
)

from jobs.dagster_seams.provenance import provenance, unchanging_output
from tests.orchestration.dagster_seams.staleness import shown_as

DAY = "2025-11-10"


@asset
def back() -> Output[None]:
    return unchanging_output({})


@asset(deps=[back], partitions_def=DailyPartitionsDefinition(DAY), code_version="2")
def days() -> None:
    return None


@pytest.mark.parametrize(
    ("tags", "shown"),
    [(provenance("2", ["back"]), "FRESH"), (provenance("1", ["back"]), "STALE"), ({}, "STALE")],
)
def test_a_logged_day_is_fresh_before_and_after_what_it_depends_on(tags: dict[str, str], shown: str) -> None:
    @op
    def publish(context: OpExecutionContext) -> None:
        context.log_event(AssetMaterialization("days", partition=DAY, tags=tags))

    @job
    def publishing() -> None:
        publish()

    definitions = Definitions(assets=[back, days], jobs=[publishing])
    with DagsterInstance.ephemeral() as instance:
        assert publishing.execute_in_process(instance=instance).success
        assert shown_as(definitions, instance, "days", DAY) == shown
        definitions.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=instance, asset_selection=[back.key]
        )
        assert shown_as(definitions, instance, "days", DAY) == shown
