"""Sign-in at an OpenID provider: the whole flow with a real provider for tests, and attacks on it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from sqlalchemy import Engine

from orders_pipeline.access import users
from orders_pipeline.base.model import Role
from orders_pipeline.base.settings import Settings, SettingsError, UnknownUsers, load_settings
from orders_pipeline.store.engine import open_engine
from tests.servers.api_server import running_server
from tests.services import Account, accepts, free_port, running_process, wait_until
from tests.stores import prepare_store
from tests.visitors import Visitor, visitor

GROUPS = {
    "oidc_role_claim": "realm.groups",
    "oidc_roles": "shop=operator,shop-admins=admin,shop-staff=viewer",
}
BACK = "/sign-in/provider/back"


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A provider that signs in the named user with these claims."""
    folder, port = tmp_path_factory.mktemp("provider"), free_port()
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "oidc_provider_mock",
        "-p",
        str(port),
        "--require-nonce",
        "true",
    ]
    with running_process(command, folder, Account(None)) as alive:
        wait_until(lambda: accepts(port), alive, folder / "log")
        yield f"http://localhost:{port}"


@pytest.fixture
def settings(tmp_path: Path, redis_url: str, issuer: str) -> Settings:
    secret = tmp_path / "secret"
    secret.write_text("a secret\n")
    return Settings(
        home=tmp_path,
        redis_url=redis_url,
        rate_limit=0,
        oidc_issuer=issuer,
        oidc_client_id="orders",
        oidc_client_secret_file=secret,
    )


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    opened = open_engine(settings.store_url)
    prepare_store(opened)
    yield opened
    opened.dispose()


@contextmanager
def visiting(settings: Settings, **more: Any) -> Iterator[Visitor]:
    with running_server(settings.model_copy(update=more)) as url, visitor(url) as one:
        yield one


def person(issuer: str, subject: str, **claims: Any) -> str:
    """A person whom the provider knows."""
    assert requests.put(f"{issuer}/users/{subject}", json=claims, timeout=30).ok
    return subject


def way_back(one: Visitor, subject: str, after: str = "/") -> str:
    """The path to which the provider redirects a browser after the sign-in."""
    sent = one.get(f"/sign-in/provider?next={after}")
    assert sent.status_code == 302
    asked = parse_qs(urlsplit(sent.headers["Location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert {"state", "nonce", "code_challenge"} <= asked.keys()
    answered = requests.post(
        sent.headers["Location"], data={"sub": subject}, allow_redirects=False, timeout=30
    )
    path: str = answered.headers["Location"].removeprefix(one.url)
    assert path.startswith(BACK)
    return path


def test_who_was_added_signs_in_with_the_role_of_the_store(
    settings: Settings, engine: Engine, issuer: str
) -> None:
    with engine.begin() as connection:
        users.add_user(connection, "dora", Role.OPERATOR)
    dora = person(issuer, "subject-1", preferred_username="Dora")
    with visiting(settings) as one:
        assert 'href="/sign-in/provider?' in one.get("/sign-in").text
        back = one.get(way_back(one, dora, "/settings/audit"))
        assert (back.status_code, back.headers["Location"]) == (303, "/settings/audit")
        assert one.ask("/key").json()["data"]["scopes"] == ["operate", "read"]
        # With a new name, the same person is the same user.
        person(issuer, "subject-1", preferred_username="dora-new-name")
        one.session.cookies.clear()
        assert one.get(way_back(one, dora)).status_code == 303
        assert one.ask("/key").json()["data"]["name"] == "dora"
        # Another person who takes over the name is not.
        stranger = person(issuer, "subject-2", preferred_username="dora")
        one.session.cookies.clear()
        assert one.get(way_back(one, stranger)).status_code == 403
        assert one.ask("/key").status_code == 401


def test_groups_at_the_provider_decide_the_role(settings: Settings, engine: Engine, issuer: str) -> None:
    groups = {"groups": ["other", "shop-staff", "shop-admins"]}
    emil = person(issuer, "subject-3", preferred_username="emil", realm=groups)
    with visiting(settings, **GROUPS) as one:
        assert one.get(way_back(one, emil)).status_code == 303
        assert one.ask("/key").json()["data"]["scopes"] == ["admin", "operate", "read"]
        person(issuer, "subject-3", preferred_username="emil", realm={"groups": ["other"]})
        assert one.get(way_back(one, emil)).status_code == 403
    with visiting(settings, **GROUPS, unknown_users=UnknownUsers.VIEWER) as one:
        assert one.get(way_back(one, emil)).status_code == 303
        assert one.ask("/key").json()["data"]["scopes"] == ["read"]
    with engine.connect() as connection:
        assert users.get_user(connection, "emil").role is Role.VIEWER


def test_a_mail_address_that_is_not_verified_names_nobody(
    settings: Settings, engine: Engine, issuer: str
) -> None:
    with engine.begin() as connection:
        users.add_user(connection, "ada@shop.example", Role.ADMIN)
    with visiting(settings, oidc_name_claim="email") as one:
        # Some providers write claims as text.
        for number, verified in enumerate((False, "false", "False")):
            eve = person(issuer, f"eve-{number}", email="ada@shop.example", email_verified=verified)
            assert one.get(way_back(one, eve)).status_code == 403
        ada = person(issuer, "ada-1", email="ada@shop.example", email_verified="true")
        assert one.get(way_back(one, ada)).status_code == 303


def test_an_answer_counts_once_and_in_the_browser_that_asked(
    settings: Settings, engine: Engine, issuer: str
) -> None:
    assert engine.url.database
    known = person(issuer, "subject-4", preferred_username="frida")
    with visiting(settings, unknown_users=UnknownUsers.VIEWER) as one, visitor(one.url) as other:
        path = way_back(one, known)
        assert other.get(path).status_code == 403
        assert way_back(other, known) != path
        assert other.get(path).status_code == 403
        assert one.get(path.replace("state=", "state=x")).status_code == 403
        fresh = way_back(one, known)
        assert one.get(fresh).status_code == 303
        assert one.get(fresh).status_code == 403
        assert one.get(f"{BACK}?error=access_denied").status_code == 403


def test_a_provider_that_does_not_answer_leaves_the_other_ways_to_sign_in(
    settings: Settings, engine: Engine
) -> None:
    assert engine.url.database
    with visiting(settings, oidc_issuer=f"http://127.0.0.1:{free_port()}") as one:
        failed = one.get("/sign-in/provider")
        assert failed.status_code == 503
        assert 'name="password"' in failed.text


@pytest.mark.parametrize(
    "wrong",
    [
        {"ISSUER": "http://login.example.com", "CLIENT_ID": "orders"},
        {"ISSUER": "https://login.example.com"},
        {"ROLE_CLAIM": "groups"},
        {"ROLE_CLAIM": "groups", "ROLES": "shop=owner"},
    ],
)
def test_settings_of_the_provider_are_checked_at_the_start(
    monkeypatch: pytest.MonkeyPatch, wrong: dict[str, str]
) -> None:
    for name, value in wrong.items():
        monkeypatch.setenv(f"ORDERS_OIDC_{name}", value)
    with pytest.raises(SettingsError):
        load_settings()
