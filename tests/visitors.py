"""A visitor of the console, who keeps cookies and sends the forms of its pages like a browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest
import requests
from sqlalchemy import Engine, update

from orders_pipeline.access import users
from orders_pipeline.access.passwords import hash_password
from orders_pipeline.base.model import Role
from orders_pipeline.base.settings import Settings
from orders_pipeline.store.engine import open_engine
from orders_pipeline.store.schema import users as users_table
from tests.servers.api_server import running_server
from tests.stores import prepare_store

PASSWORD = "correct horse battery staple"  # noqa: S105
TOKEN = re.compile(r'name="csrf_token" value="([0-9a-f]+)"')


@dataclass(frozen=True, slots=True)
class Visitor:
    """One person's browser, without scripts."""

    url: str
    session: requests.Session = field(default_factory=requests.Session)

    def get(self, path: str, **options: Any) -> requests.Response:
        """Opens a page; redirects are not followed."""
        headers = {"Accept": "text/html"} | options.pop("headers", {})
        return self.session.get(
            self.url + path, headers=headers, allow_redirects=False, timeout=30, **options
        )

    def token(self, path: str = "/account") -> str:
        """The token in the forms of a page."""
        found = TOKEN.search(self.get(path).text)
        assert found, path
        return found[1]

    def post(
        self, path: str, token: str = "", headers: dict[str, str] | None = None, **fields: str
    ) -> requests.Response:
        """Sends a form."""
        sent = fields | ({"csrf_token": token} if token else {})
        return self.session.post(
            self.url + path, data=sent, headers=headers, allow_redirects=False, timeout=30
        )

    def sign_in(self, name: str, password: str = PASSWORD, **more: str) -> requests.Response:
        """Signs in with the form."""
        return self.post("/sign-in", self.token("/sign-in"), name=name, password=password, **more)

    def follow(self, link: str) -> requests.Response:
        """Uses a sign-in link, like the script of the page."""
        return self.post("/sign-in/link", self.token("/sign-in"), once=link.rpartition("=")[2])

    def ask(self, path: str, method: str = "GET", **options: Any) -> requests.Response:
        """Sends a request to the API like a page: with the cookie and, in a header, its session's token."""
        headers = options.pop("headers", {})
        return self.session.request(
            method, f"{self.url}/api{path}", headers=headers, allow_redirects=False, timeout=30, **options
        )

    @property
    def cookie(self) -> str:
        """The token of the session; empty without one."""
        return next((str(one.value) for one in self.session.cookies if "session" in one.name), "")


def add_one_of_each_role(engine: Engine) -> None:
    """Users named after their roles, with the same password, which is hashed only once."""
    with engine.begin() as connection:
        for role in Role:
            users.add_user(connection, role, role)
        connection.execute(update(users_table).values(password=_hashed()))


@cache
def _hashed() -> str:
    return hash_password(PASSWORD)


@contextmanager
def visitor(url: str) -> Iterator[Visitor]:
    """A visitor without cookies."""
    with requests.Session() as session:
        session.trust_env = False
        yield Visitor(url, session)


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    """The order store of a home whose users are named after their roles."""
    opened = open_engine(settings.store_url)
    prepare_store(opened)
    add_one_of_each_role(opened)
    yield opened
    opened.dispose()


@pytest.fixture
def url(settings: Settings, engine: Engine) -> Iterator[str]:
    """URL of the running console of this home."""
    assert engine.url.database
    with running_server(settings) as address:
        yield address
