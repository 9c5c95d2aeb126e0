"""Results of checks that an op logs, and how Dagster shows them."""

from dagster import (
    AssetCheckEvaluation,
    AssetCheckKey,
    AssetKey,
    DagsterInstance,
    OpExecutionContext,
    job,
    op,
)

from jobs.dagster_seams.check_events import log_check


def test_the_asset_has_the_result_that_an_op_logged() -> None:
    @op
    def look(context: OpExecutionContext) -> None:
        log_check(context, AssetCheckEvaluation(AssetKey("days"), "hold", passed=True, metadata={}))

    @job
    def looking() -> None:
        look()

    with DagsterInstance.ephemeral() as instance:
        assert looking.execute_in_process(instance=instance).success
        key = AssetCheckKey(AssetKey("days"), "hold")
        (latest,) = instance.event_log_storage.get_asset_check_execution_history(key, limit=9)
    assert latest.status.value == "SUCCEEDED"
