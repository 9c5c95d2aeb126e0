"""The storage of what steps print.

Deployed dagster.yaml files and stored records carry the name of this module.
"""

from jobs.dagster_seams.compute_logs import SubfolderComputeLogs


class ComputeLogs(SubfolderComputeLogs):
    """A folder for each run, all of them in `compute_logs` of the home."""

    folder = "compute_logs"
