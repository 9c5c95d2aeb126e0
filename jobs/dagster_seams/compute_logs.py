"""Dagster's store for the output of steps, in a subfolder of the home.

For: keeping these files in one subfolder of the home. A dagster.yaml can take the home from an environment
variable, but cannot append a subfolder.
Without it: each run leaves its own folder at the top of the home.
Instead: a dagster.yaml that joins a variable and a path; or the class that this one extends, which Dagster's
documentation names, in a public module.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._serdes import ConfigurableClassData


class SubfolderComputeLogs(LocalComputeLogManager):
    """One folder per run, inside `folder` below the `base_dir` of dagster.yaml."""

    folder: str

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "SubfolderComputeLogs":
        """The store for an entry of dagster.yaml."""
        base_dir = Path(config_value["base_dir"]) / cls.folder
        return cls(**{**config_value, "base_dir": str(base_dir)}, inst_data=inst_data)
