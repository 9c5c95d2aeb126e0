"""Finds the project's definitions in Dagster's processes.

For: launching a job by name from any process, and loading the definitions before a worker forks.
Without it: workers cannot find the code of a run that the command line launched.
Instead: `dagster.reconstructable`, once it finds jobs in a `Definitions` object.
"""

from dagster._core.definitions.reconstruct import ReconstructableJob, ReconstructableRepository

from orders_pipeline.base.settings import PROJECT_ROOT


def load_definitions() -> None:
    """Loads the module `definitions`. Dagster caches it for the lifetime of the process."""
    _repository().get_definition()


def project_job(name: str) -> ReconstructableJob:
    """A job of the module `definitions`. Other processes find it by the same name."""
    return _repository().get_reconstructable_job(name)


def _repository() -> ReconstructableRepository:
    return ReconstructableRepository.for_module("definitions", "defs", working_directory=str(PROJECT_ROOT))
