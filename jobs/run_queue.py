"""The queue of runs.

Deployed dagster.yaml files contain the name of this module, so it must not be renamed.
"""

from jobs.dagster_seams.run_queue import DirectRunQueue


class RunQueue(DirectRunQueue):
    """Launches a run at once unless a limit is reached.

    Other runs wait until Dagster's daemon launches them.
    """
