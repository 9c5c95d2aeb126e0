"""Contract of `jobs.dagster_seams.asset_jobs`."""

from __future__ import annotations

from dagster import define_asset_job

from jobs.dagster_seams.asset_jobs import AssetJob


def test_asset_jobs_have_the_type_that_functions_are_annotated_with() -> None:
    assert isinstance(define_asset_job("everything"), AssetJob)
