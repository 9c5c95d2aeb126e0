"""Whether Dagster's pages show an asset as fresh, unsynced or missing."""

from dagster import AssetKey, DagsterInstance, Definitions
from dagster._core.definitions.data_version import CachingStaleStatusResolver
from dagster._core.loader import LoadingContextForTest


def shown_as(
    definitions: Definitions, instance: DagsterInstance, asset: str, partition: str | None = None
) -> str:
    """`FRESH`, `STALE`, which the pages call unsynced, or `MISSING`."""
    graph = definitions.get_repository_def().asset_graph
    resolver = CachingStaleStatusResolver(instance, graph, LoadingContextForTest(instance))
    return resolver.get_status(AssetKey(asset), partition).value
