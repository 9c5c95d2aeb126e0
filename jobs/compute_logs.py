"""The storage of the steps' output.

Deployed dagster.yaml files and stored records contain the name of this module, so it must not be renamed.
"""

from jobs.dagster_seams.compute_logs import SubfolderComputeLogs


class ComputeLogs(SubfolderComputeLogs):
    """A folder for each run, all of them in `compute_logs` of the home."""

    folder = "compute_logs"
