"""`OpExecutionContext.log_event` with an `AssetCheckEvaluation`, which its signature does not include.

For: results of checks that an op of a plain job ran, in the run's log and on the asset's page.
Without it: figures that a job publishes are not checked until the night.
Instead: `OpExecutionContext.log_event`, once its signature includes `AssetCheckEvaluation`.
"""

from typing import cast

from dagster import AssetCheckEvaluation, AssetObservation, OpExecutionContext


def log_check(context: OpExecutionContext, evaluation: AssetCheckEvaluation) -> None:
    """Logs the result of a check as an event of the op's step."""
    context.log_event(cast(AssetObservation, evaluation))
