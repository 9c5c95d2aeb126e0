"""Dagster's store of what steps print, in a folder of this project's choice.

For: keeping these files in one subfolder of the home. A dagster.yaml can name the home by its environment
variable, and nothing below it.
Without it: each run leaves a folder of its own at the top of the home.
Instead: a dagster.yaml that joins a variable and a path; or the class that this one extends, which Dagster's
documentation names, in a public module.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._serdes import ConfigurableClassData


class SubfolderComputeLogs(LocalComputeLogManager):
    """One folder for each run, all of them in `folder` below the `base_dir` that dagster.yaml names."""

    folder: str

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "SubfolderComputeLogs":
        """The store that an entry of dagster.yaml describes."""
        base_dir = Path(config_value["base_dir"]) / cls.folder
        return cls(**{**config_value, "base_dir": str(base_dir)}, inst_data=inst_data)
