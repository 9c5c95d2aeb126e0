"""The queue of runs. Deployed dagster.yaml files carry the name of this module."""

from jobs.dagster_seams.run_queue import DirectRunQueue


class RunQueue(DirectRunQueue):
    """Launches a run at once while there is room. The other runs wait, and Dagster's daemon launches them."""
