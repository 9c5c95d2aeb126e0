"""The return type of `dagster.define_asset_job`.

For: annotations of functions that return such jobs.
Without it: mypy cannot check them; the behaviour at run time is the same.
Instead: the name `dagster.UnresolvedAssetJobDefinition`, once Dagster exports it.
"""

from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

AssetJob = UnresolvedAssetJobDefinition
