"""The return type of `dagster.define_asset_job`.

For: annotations of functions that return such jobs.
Without it: mypy cannot check them; nothing changes at run time.
Instead: the name `dagster.UnresolvedAssetJobDefinition`, once Dagster exports it.
"""

from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

AssetJob = UnresolvedAssetJobDefinition
