"""PostgreSQL, for orders and for Dagster, Redis and RabbitMQ that require passwords and TLS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from orders_pipeline.base.settings import PROJECT_ROOT, Settings
from tests.e2e.orders_command import orders_process
from tests.servers.api_server import serving
from tests.servers.tls_servers import Authority, make_authority, tls_postgres, tls_rabbitmq, tls_redis

SAMPLE = PROJECT_ROOT / "data" / "sample.csv"
QUICK = {"payment_success_rate": 1, "payment_delay_min": 0, "payment_delay_max": 0, "worker_processes": 1}


@dataclass(frozen=True, slots=True)
class Servers:
    """URLs without options, with the host name `localhost`."""

    postgres: str
    redis: str
    rabbitmq: str

    def settings(self, home: Path, trusted: Authority, host: str = "localhost") -> Settings:
        """Settings that trust an authority, and reach the servers by a name."""
        postgres, redis, rabbitmq = (
            url.replace("@localhost:", f"@{host}:") for url in (self.postgres, self.redis, self.rabbitmq)
        )
        return Settings(
            home=home,
            dagster_home=PROJECT_ROOT / "deploy",
            database_url=f"{postgres}/orders_tls?sslmode=verify-full&sslrootcert={trusted.ca}",
            redis_url=f"{redis}?ssl_ca_certs={trusted.ca}",
            broker_url=f"{rabbitmq}?ssl_ca_certs={trusted.ca}",
            rate_limit=0,
            _env_file=None,
            **QUICK,
        )


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def servers(authority: Authority) -> Iterator[Servers]:
    with ExitStack() as running:
        yield Servers(
            *(running.enter_context(start(authority)) for start in (tls_postgres, tls_redis, tls_rabbitmq))
        )


@pytest.fixture
def settings(
    servers: Servers, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    trusting = servers.settings(tmp_path / "home", authority)
    storage = f"{servers.postgres}/dagster_tls?sslmode=verify-full&sslrootcert={authority.ca}"
    monkeypatch.setenv("DAGSTER_DATABASE_URL", storage)
    monkeypatch.setenv("DAGSTER_HOME", str(trusting.dagster_home))
    return trusting


def services(settings: Settings) -> dict[str, str]:
    """Which services are healthy, according to the API."""
    with serving(settings) as get:
        return {name: one["status"] for name, one in get("/health").json()["services"].items()}


def test_an_import_runs_over_encrypted_connections_with_awkward_passwords(settings: Settings) -> None:
    done = orders_process(settings, "import", SAMPLE, "--json")
    assert done.code == 0, done.err
    assert done.document["statuses"] == {"completed": 10, "rollback": 0, "failed": 0}
    with serving(settings) as get:
        assert set(services(settings).values()) == {"healthy"}
        assert get("/stats").json()["data"]["orders"]["completed"] == 10
        assert get("/kpis/daily?date=2025-11-10").json()["data"]["total_revenue"] == 485.96


@pytest.mark.parametrize("wrong", ["authority", "name"])
def test_a_server_that_cannot_prove_who_it_is_is_not_talked_to(
    wrong: str, servers: Servers, authority: Authority, settings: Settings, tmp_path: Path
) -> None:
    other = make_authority(tmp_path / "other") if wrong == "authority" else authority
    mistaken = servers.settings(tmp_path / "home", other, "127.0.0.1" if wrong == "name" else "localhost")
    trusting_store = mistaken.model_copy(update={"database_url": settings.database_url})
    assert services(trusting_store) == {"database": "healthy", "redis": "unhealthy", "queue": "unhealthy"}
    refused = orders_process(
        mistaken.model_copy(update={"redis_url": "", "broker_url": ""}), "files", "--json"
    )
    assert refused.error["code"] == "store_unavailable"
    assert "p%40ss" not in refused.out + refused.err
