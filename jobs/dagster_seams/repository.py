"""Finds the project's definitions in Dagster's processes.

For: launching a job by name from any process, and loading the definitions before a worker forks.
Without it: workers cannot find the code of a run that the command line launched.
Instead: `dagster.reconstructable`, once it finds jobs in a `Definitions` object.
"""

from dataclasses import dataclass
from typing import Any

from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.definitions.reconstruct import ReconstructableJob, ReconstructableRepository

from orders_pipeline.base.settings import PROJECT_ROOT


def load_definitions() -> None:
    """Loads the module `definitions`. Dagster caches it for the lifetime of the process."""
    _repository().get_definition()


def project_job(name: str) -> ReconstructableJob:
    """Returns a job of the module `definitions`, which other processes find by the same name."""
    return _repository().get_reconstructable_job(name)


@dataclass(frozen=True, slots=True)
class JobCode:
    """The place of a job's code; `module` is None if the message gives a file or another kind of place."""

    module: str | None
    description: str


def code_of_job(executable_dict: dict[str, Any]) -> JobCode:
    """Returns the place of the job's code from the message of a step."""
    pointer = ReconstructableJob.from_dict(executable_dict).repository.pointer
    module = pointer.module if isinstance(pointer, ModuleCodePointer) else None
    return JobCode(module, pointer.describe())


def _repository() -> ReconstructableRepository:
    return ReconstructableRepository.for_module("definitions", "defs", working_directory=str(PROJECT_ROOT))
