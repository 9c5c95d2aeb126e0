"""Tags with the code version and the input versions of a materialization that a plain op logged.

For: partitions that ops of plain jobs materialize, such as the days that an import publishes.
Without it: Dagster shows them as unsynced as soon as an asset that they depend on is materialized, or if it
never was.
Instead: code and data versions on `AssetMaterialization`; only steps of assets get them.
"""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from dagster import AssetKey, BetaWarning, DataVersion, Output
from dagster._core.definitions.data_version import (
    CODE_VERSION_TAG,
    DEFAULT_DATA_VERSION,
    NULL_EVENT_POINTER,
    get_input_data_version_tag,
    get_input_event_pointer_tag,
)

# Dagster's version for data that was never materialized. An asset that always has this version makes no other
# asset unsynced.
UNCHANGING = DataVersion(DEFAULT_DATA_VERSION.value)


def provenance(code_version: str, unpartitioned_inputs: Sequence[str] = ()) -> dict[str, str]:
    """Returns the tags of a materialization made from these assets, whose data version is `UNCHANGING`."""
    keys = [AssetKey(name) for name in unpartitioned_inputs]
    return {
        CODE_VERSION_TAG: code_version,
        **{get_input_data_version_tag(key): UNCHANGING.value for key in keys},
        **{get_input_event_pointer_tag(key): NULL_EVENT_POINTER for key in keys},
    }


def unchanging_output(metadata: Mapping[str, Any]) -> Output[None]:
    """Returns the output of an op that materializes an asset with the version `UNCHANGING`."""
    with warnings.catch_warnings():
        # Dagster marks data versions of outputs as beta and would print a warning in each run.
        warnings.simplefilter("ignore", BetaWarning)
        return Output(None, metadata=metadata, data_version=UNCHANGING)
