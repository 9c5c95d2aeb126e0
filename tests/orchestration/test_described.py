"""What Dagster's pages show about the definitions."""

from __future__ import annotations

from pathlib import Path

from definitions import build_definitions
from jobs.runs import RunGroup
from orders_pipeline.base.settings import Settings
from tests.orchestration.dagster_seams.resource_types import shown_type


def test_each_job_schedule_sensor_asset_and_check_says_what_it_is_for(tmp_path: Path) -> None:
    repository = build_definitions(Settings(home=tmp_path)).get_repository_def()
    jobs = [job for job in repository.get_all_jobs() if not job.name.startswith("__")]
    described = {
        one.name: one.description for one in (*jobs, *repository.schedule_defs, *repository.sensor_defs)
    }
    graph = repository.asset_graph
    described |= {node.key.to_user_string(): node.description for node in graph.asset_nodes}
    described |= {str(key): graph.get_check_spec(key).description for key in graph.asset_check_keys}
    assert [name for name, description in described.items() if not description] == []


def test_the_runs_of_each_job_are_in_a_group(tmp_path: Path) -> None:
    repository = build_definitions(Settings(home=tmp_path)).get_repository_def()
    jobs = [job for job in repository.get_all_jobs() if not job.name.startswith("__")]
    groups = {group.value for group in RunGroup}
    assert [job.name for job in jobs if job.tags.get("orders/group") not in groups] == []


def test_each_resource_shows_its_class_and_what_it_is(tmp_path: Path) -> None:
    repository = build_definitions(Settings(home=tmp_path)).get_repository_def()
    shown = {name: shown_type(one) for name, one in repository.get_top_level_resources().items()}
    assert shown["order_store"] == "resources.order_store.OrderStore"
    assert all(name.startswith("resources.") for name in shown.values())
    assert all(one.description for one in repository.get_top_level_resources().values())
