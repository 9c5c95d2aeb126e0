"""`orders doctor` and `orders smoke`: faults are named with their remedy, and nothing is changed."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from amqp.exceptions import NotFound
from kombu import Connection, Queue

from cli.doctor import machine
from cli.doctor.services import clock
from jobs.celery_app import build_app
from jobs.workers.queues import QUEUES, misdeclared_queues
from orders_pipeline.base.settings import Settings
from tests.e2e.orders_command import orders
from tests.servers.gateway_server import running_gateway
from tests.services import free_port


def findings(settings: Settings) -> dict[str, dict[str, str]]:
    document: dict[str, Any] = orders(settings, "doctor", "--json").document
    return {one["name"]: one for one in document["findings"]}


def test_a_new_home_with_nothing_running_is_well_and_stays_unmade(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    done = orders(settings, "doctor", "--json")
    assert done.code == 0, done.out
    assert {one["level"] for one in done.document["findings"]} <= {"ok", "warning"}
    assert not settings.home.exists()


def test_services_that_do_not_answer_are_errors_with_the_setting_to_look_at(tmp_path: Path) -> None:
    port = free_port()
    settings = Settings(
        home=tmp_path / "home",
        database_url=f"postgresql+psycopg2://orders:secret@127.0.0.1:{port}/orders",
        redis_url=f"redis://127.0.0.1:{port}/0",
    )
    done = orders(settings, "doctor", "--json")
    found = {one["name"]: one for one in done.document["findings"]}
    assert done.code == 1
    assert {name for name, one in found.items() if one["level"] == "error"} >= {"database", "redis", "broker"}
    assert "ORDERS_DATABASE_URL" in found["database"]["mend"]
    assert "secret" not in done.out


def test_services_that_answer_are_reported_with_version_and_clock(
    tmp_path: Path, postgres_url: str, redis_url: str
) -> None:
    settings = Settings(home=tmp_path / "home", database_url=postgres_url, redis_url=redis_url)
    found = findings(settings)
    assert found["database"]["detail"].startswith("postgresql ")
    assert found["migrations"]["level"] == "warning"
    assert found["workers"]["level"] == "warning"
    assert found["redis_persistence"]["level"] == "warning"
    levels = {found[name]["level"] for name in ("database", "redis", "clock_of_redis", "clock_of_database")}
    assert levels == {"ok"}


def test_a_queue_that_was_declared_otherwise_is_an_error_and_absent_ones_stay_absent(
    tmp_path: Path, redis_url: str, rabbitmq_url: str
) -> None:
    settings = Settings(home=tmp_path / "home", redis_url=redis_url, broker_url=rabbitmq_url)
    assert "queue_arguments" not in findings(settings)
    with Connection(rabbitmq_url) as connection:  # type: ignore[no-untyped-call]
        Queue("orders", channel=connection, queue_arguments={"x-queue-type": "quorum"}).queue_declare()
        found = findings(settings)["queue_arguments"]
        with pytest.raises(NotFound):
            Queue("dagster", channel=connection).queue_declare(passive=True)
    assert found["level"] == "error"
    assert found["detail"].startswith(
        "orders differs from the declaration of the workers: PRECONDITION_FAILED"
    )
    assert "delete_queue orders" in found["mend"]


def test_queues_as_workers_declare_them_are_well(tmp_path: Path, redis_url: str, rabbitmq_url: str) -> None:
    settings = Settings(home=tmp_path / "home", redis_url=redis_url, broker_url=rabbitmq_url)
    with build_app(settings) as app, app.connection_for_write() as connection:
        for name in QUEUES:
            app.amqp.queues[name].bind(connection).declare()
    assert misdeclared_queues(settings, app) == {}


def test_ports_that_others_have_are_reported_also_of_programs_that_only_some_run(tmp_path: Path) -> None:
    names = ("viewer_port", "flower_port")
    with ExitStack() as opened:
        taken = [opened.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in names]
        ports = {name: one.getsockname()[1] for name, one in zip(names, taken, strict=True)}
        free = {name: free_port() for name in ("webserver_port", "api_port")}
        found = list(machine.ports(Settings(home=tmp_path / "home", **ports, **free)))
    assert [(one.level, one.mend.split()[1]) for one in found] == [
        ("warning", "ORDERS_VIEWER_PORT"),
        ("warning", "ORDERS_FLOWER_PORT"),
    ]


def test_the_payment_gateway_is_asked_whether_it_takes_the_key_and_charges_nothing(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", payment_api_key="right")
    with running_gateway(tmp_path / "gateway", api_key="right") as server:
        reached = settings.model_copy(update={"payment_url": server.url})
        assert findings(reached)["payment_gateway"]["level"] == "ok"
        refused = findings(reached.model_copy(update={"payment_api_key": "wrong"}))["payment_gateway"]
        assert server.journal() == {}
    gone = findings(reached)["payment_gateway"]
    assert (refused["level"], gone["level"]) == ("error", "error")
    assert "401" in refused["detail"]
    assert "ORDERS_PAYMENT_API_KEY" in refused["mend"]
    assert "does not answer" in gone["detail"]


def test_a_folder_of_passwords_that_others_can_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "home" / "run").mkdir(parents=True)
    (tmp_path / "home" / "run").chmod(0o755)
    settings = Settings(home=tmp_path / "home").model_copy(update={"dagster_home": tmp_path})
    found = {one.name: one.level for one in machine.home(settings)}
    assert found["permissions"] == "error"


@pytest.mark.parametrize(("mode", "warned"), [(0o755, True), (0o751, True), (0o750, False), (0o700, False)])
def test_a_home_that_everybody_can_read_is_a_warning_and_one_shared_with_a_group_is_not(
    tmp_path: Path, mode: int, warned: bool
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home").chmod(mode)
    found = {one.name: one for one in machine.home(Settings(home=tmp_path / "home"))}
    assert ("home_permissions" in found) is warned
    assert not warned or found["home_permissions"].level == "warning"


def test_an_unusable_setting_is_reported_and_does_not_stop_the_doctor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path / "home")
    monkeypatch.setenv("ORDERS_TIMEZONE", "Mars/Olympus")
    found = findings(settings)
    assert found["settings"]["level"] == "error"
    assert "ORDERS_TIMEZONE" in found["settings"]["detail"]
    assert found["python"]["level"] == "ok"


def test_a_clock_that_is_minutes_off_is_an_error() -> None:
    assert clock("clock_of_redis", 0).level == "error"


def test_smoke_fails_and_names_every_part_where_nothing_runs(tmp_path: Path) -> None:
    port = free_port()
    settings = Settings(
        home=tmp_path / "home", redis_url=f"redis://127.0.0.1:{port}/0", api_port=port, webserver_port=port
    )
    done = orders(settings, "smoke", "--seconds", "1", "--json")
    broken = {check["name"] for check in done.document["checks"] if not check["ok"]}
    assert done.code == 1
    assert broken >= {"order store", "api health", "queue orders", "dagster webserver and daemons"}


def test_a_package_that_the_project_needs_and_has_not_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "requirements.lock").write_text("polars==0.0.1\n")
    needs = '["polars", "no-such-package>=2", "not-for-here; python_version < \'3\'"]'
    (tmp_path / "pyproject.toml").write_text(f"[project]\ndependencies = {needs}\n")
    found = {one.name: one for one in machine.python(tmp_path)}
    assert found["packages"].level == "error"
    assert found["packages"].detail == "not installed: no-such-package"
