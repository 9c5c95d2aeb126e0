"""Text that no store can contain, in every parameter of the API and the commands, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from typer.testing import CliRunner

from cli.main import app
from orders_pipeline.base.settings import Settings
from orders_pipeline.store.engine import open_engine
from tests.servers.api_server import running_server
from tests.stores import create_migrated_database, prepare_store

KEY = "open sesame, open"
BEARER = {"Authorization": f"Bearer {KEY}", "Idempotency-Key": "a key"}
# Percent-encoded: NUL, half of a character, and a byte with which no character begins.
HOSTILE = ["%00", "a%00b", "%ED%A0%80", "%FF"]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, redis_server: str
) -> Iterator[str]:
    home = tmp_path_factory.mktemp("home")
    settings = Settings(home=home, redis_url=redis_server, rate_limit=0, api_key=KEY)
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres_server")
        settings = settings.model_copy(update={"database_url": create_migrated_database(server, "nul")})
    engine = open_engine(settings.store_url)
    prepare_store(engine)
    engine.dispose()
    with running_server(settings) as running:
        yield running


@pytest.fixture(scope="module")
def described(url: str) -> dict[str, Any]:
    description: dict[str, Any] = requests.get(f"{url}/api/openapi.json", timeout=30).json()
    return description


def refused(answer: requests.Response, *expected: int) -> bool:
    body = answer.json()
    return answer.status_code in expected and body["success"] is False and bool(body["message"])


@pytest.mark.parametrize("text", HOSTILE)
def test_every_parameter_of_every_route_takes_it_as_a_wrong_value(
    url: str, described: dict[str, Any], text: str
) -> None:
    expected = (422,) if "%00" in text else (200, 404, 422)
    for path, verbs in described["paths"].items():
        for verb, operation in verbs.items():
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "header":
                    continue
                inside = parameter["in"] == "path"
                address = path.replace("{" + parameter["name"] + "}", text) if inside else path
                query = "" if inside else f"?{parameter['name']}={text}"
                if path.endswith("/events") and expected != (422,):
                    continue
                answer = requests.request(verb, f"{url}{address}{query}", headers=BEARER, timeout=30)
                assert answer.status_code in expected, (address, query, answer.text)
                assert answer.status_code == 200 or refused(answer, *expected)


@pytest.mark.parametrize("path", ["/%00", "/look/%00", "/look/a%00.js", "/api/%00", "/metrics?%00=1"])
def test_nul_in_any_address_is_a_wrong_value(url: str, path: str) -> None:
    assert refused(requests.get(url + path, timeout=30), 422)


@pytest.mark.parametrize("text", ['"\\u0000"', '"\\ud800"', '"a\\udfffb"'])
def test_every_field_of_every_body_takes_it_as_a_wrong_value(
    url: str, described: dict[str, Any], text: str
) -> None:
    schemas = described["components"]["schemas"]
    sent = 0
    for path, verbs in described["paths"].items():
        if "requestBody" not in verbs.get("post", {}):
            continue
        if "application/json" not in (bodies := verbs["post"]["requestBody"]["content"]):
            assert path in ("/api/files", "/api/payouts/files")
            continue
        content = bodies["application/json"]["schema"]
        if "$ref" not in content:
            # These accept only signed bodies of the gateway.
            assert path == "/api/gateway/events"
            continue
        for name in [*schemas[content["$ref"].rpartition("/")[2]]["properties"], None]:
            for value in (text, f"[{text}]"):
                body = f'{{"{name}": {value}}}' if name else f"{{{text}: 1}}"
                headers = BEARER | {"Content-Type": "application/json"}
                answer = requests.post(url + path, body, headers=headers, timeout=30)
                assert refused(answer, 422), (path, body, answer.text)
                sent += 1
    assert sent > 20


@pytest.mark.parametrize("text", ["a\0b", "\udcff"])
@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "TEXT"),
        ("files", "TEXT"),
        ("rejects", "TEXT"),
        ("failed", "--text", "TEXT"),
        ("failed", "--source", "TEXT"),
        ("retry", "TEXT"),
        ("cancel", "TEXT", "--because", "no"),
        ("cancel", "1", "--because", "TEXT"),
        ("pause", "--because", "TEXT"),
        ("keys", "create", "TEXT", "--scope", "read"),
        ("keys", "revoke", "TEXT"),
        ("audit", "--actor", "TEXT"),
        ("products", "restock", "TEXT", "1"),
        ("kpis", "daily", "--currency", "TEXT"),
        ("leaderboard", "customers", "--currency", "TEXT"),
    ],
    ids="-".join,
)
def test_a_command_takes_it_as_wrong_usage(arguments: tuple[str, ...], text: str) -> None:
    done = CliRunner().invoke(app, [text if one == "TEXT" else one for one in arguments])
    assert done.exit_code == 2, done.output
    assert "is not text in UTF-8" in done.output


def test_a_file_whose_name_is_no_text_is_not_refused_for_it(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["stage", str(tmp_path / "missing\udcff.csv")])
    assert done.exit_code == 1
    assert "missing\\xff.csv" in done.output


def test_an_id_that_no_store_can_hold_is_a_wrong_value(url: str) -> None:
    for path in ("/api/quarantine/retry", "/api/quarantine/dismiss"):
        answer = requests.post(f"{url}{path}", json={"ids": [2**70]}, headers=BEARER, timeout=30)
        assert refused(answer, 422)
