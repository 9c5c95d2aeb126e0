"""The project's definitions as Dagster's processes address them."""

from dagster._core.definitions.reconstruct import ReconstructableRepository

from orders_pipeline.base.settings import PROJECT_ROOT


def project_repository() -> ReconstructableRepository:
    """The repository that the module `definitions` defines."""
    return ReconstructableRepository.for_module("definitions", "defs", working_directory=str(PROJECT_ROOT))
