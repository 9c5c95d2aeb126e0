"""Contract of `jobs.dagster_seams.repository`."""

from __future__ import annotations

from dagster._core.definitions.reconstruct import ReconstructableJob

from jobs.dagster_seams.repository import load_definitions, project_job


def test_a_job_is_found_by_its_name_here_and_in_a_worker() -> None:
    load_definitions()
    job = project_job("clean_up")
    in_a_worker = ReconstructableJob.from_dict(job.to_dict())
    assert job.get_definition().name == in_a_worker.get_definition().name == "clean_up"
    assert in_a_worker.repository == job.repository
