"""Where Dagster keeps what steps print."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._serdes import ConfigurableClassData

FOLDER = "compute_logs"


class ComputeLogs(LocalComputeLogManager):
    """A folder a run, all of them in one subfolder of the home.

    A dagster.yaml can name the home by its variable, and nothing below it.
    """

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "ComputeLogs":
        """The logs of the home that `base_dir` names."""
        folder = Path(config_value["base_dir"]) / FOLDER
        return cls(**{**config_value, "base_dir": str(folder)}, inst_data=inst_data)
