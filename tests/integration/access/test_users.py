"""Users, sessions and sign-in links, in both order stores and from the command line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection, Engine, update

from orders_pipeline.access import users
from orders_pipeline.access.audit import is_same_person
from orders_pipeline.access.passwords import WeakPasswordError, is_password, require_strong
from orders_pipeline.access.sessions import (
    Client,
    Lifetimes,
    end_other_sessions,
    find_session,
    list_sessions,
    open_session,
)
from orders_pipeline.access.sign_in_links import make_link, use_link
from orders_pipeline.access.signing_in import (
    RefusedUserError,
    Vouched,
    kept_of,
    sign_in_by_password,
    vouched_user,
)
from orders_pipeline.access.users import User
from orders_pipeline.base.model import Role, SignInMethod
from orders_pipeline.base.settings import Settings, load_settings
from orders_pipeline.store.schema import sign_in_links, user_sessions
from tests.e2e.orders_command import orders
from tests.import_bench import ImportBench

PASSWORD = "correct horse battery staple"  # noqa: S105
CLIENT = Client("192.0.2.1", "Firefox")
TIMES = Lifetimes(timedelta(hours=1), timedelta(hours=12))
ADDRESS = "http://127.0.0.1:8000"


@pytest.fixture
def engine(bench: ImportBench) -> Engine:
    return bench.engine


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.begin() as opened:
        yield opened


def signed_in(connection: Connection, user: User) -> str:
    return open_session(connection, user, SignInMethod.LINK, CLIENT, TIMES)


def test_a_link_signs_in_once_and_within_ten_minutes(connection: Connection) -> None:
    alice = users.add_user(connection, "Alice", Role.ADMIN)
    first, late = (make_link(connection, alice, ADDRESS).rpartition("=")[2] for _ in range(2))
    signed = use_link(connection, first)
    assert signed is not None
    assert (signed.name, signed.role) == ("alice", Role.ADMIN)
    assert use_link(connection, first) is None
    connection.execute(update(sign_in_links).values(expires_at=1))
    assert use_link(connection, late) is None


def test_a_session_ends_without_use_and_after_its_whole_time(connection: Connection) -> None:
    alice = users.add_user(connection, "alice", Role.VIEWER)
    idle, old = signed_in(connection, alice), signed_in(connection, alice)
    found = find_session(connection, idle, TIMES)
    assert found is not None
    assert find_session(connection, f"{idle[:-1]}x", TIMES) is None
    connection.execute(update(user_sessions).where(user_sessions.c.id == found.id).values(seen_at=1))
    connection.execute(update(user_sessions).where(user_sessions.c.id != found.id).values(expires_at=1))
    assert find_session(connection, idle, TIMES) is find_session(connection, old, TIMES) is None
    assert list_sessions(connection, alice.id, TIMES) == []


def test_what_changes_the_rights_of_a_user_ends_sessions_and_links(connection: Connection) -> None:
    users.add_user(connection, "alice", Role.ADMIN, PASSWORD)
    bob = users.add_user(connection, "bob", Role.VIEWER)
    kept = signed_in(connection, bob)
    for change in (
        lambda: users.set_role(connection, "alice", Role.VIEWER),
        lambda: users.set_password(connection, "alice", f"{PASSWORD} 2"),
        lambda: users.remove_user(connection, "alice"),
    ):
        alice = users.get_user(connection, "alice")
        token, link = signed_in(connection, alice), make_link(connection, alice, ADDRESS).rpartition("=")[2]
        change()
        assert find_session(connection, token, TIMES) is None
        assert use_link(connection, link) is None
    assert find_session(connection, kept, TIMES) is not None


def test_other_sessions_of_a_user_end_and_this_one_stays(connection: Connection) -> None:
    alice, bob = (users.add_user(connection, name, Role.VIEWER) for name in ("alice", "bob"))
    here, there, of_bob = (signed_in(connection, user) for user in (alice, alice, bob))
    found = find_session(connection, here, TIMES)
    assert found is not None
    assert end_other_sessions(connection, found) == 1
    assert find_session(connection, there, TIMES) is None
    assert find_session(connection, of_bob, TIMES) is not None


def test_a_password_that_changes_during_the_sign_in_opens_nothing(engine: Engine) -> None:
    with engine.begin() as connection:
        users.add_user(connection, "alice", Role.VIEWER, PASSWORD)
    kept = kept_of(engine, "alice")
    assert kept is not None
    assert is_password(kept.password, PASSWORD)
    with engine.begin() as connection:
        users.set_password(connection, "alice", f"{PASSWORD} 2")
        assert sign_in_by_password(connection, kept, PASSWORD, CLIENT, TIMES) is None


def test_a_mark_of_a_browser_ends_with_the_password(engine: Engine) -> None:
    with engine.begin() as connection:
        alice = users.add_user(connection, "alice", Role.VIEWER, PASSWORD)
    kept = kept_of(engine, "alice")
    assert kept is not None
    mark = kept.device_mark()
    assert kept.is_marked(mark)
    assert not kept.is_marked(f"x{mark}")
    assert not replace(kept, password="another").is_marked(mark)  # noqa: S106
    assert not replace(kept, password=None).is_marked(mark)
    assert alice.has_password


@pytest.mark.parametrize(
    "weak", ["short", "password1234", "aaaaaaaaaaaa", "alicealice12", "x" * 513, "a\0b" * 9]
)
def test_passwords_that_are_easy_to_guess_are_refused(weak: str) -> None:
    with pytest.raises(WeakPasswordError):
        require_strong(weak, "alice")


def test_a_provider_vouches_for_the_same_person_only(connection: Connection) -> None:
    users.add_user(connection, "alice", Role.ADMIN, PASSWORD)
    users.add_user(connection, "bob", Role.OPERATOR)
    bob = Vouched("bob", SignInMethod.OIDC, "https://login 1")
    assert vouched_user(connection, bob, None).role is Role.OPERATOR
    assert vouched_user(connection, replace(bob, name="robert"), None).name == "bob"
    for stranger in (
        Vouched("alice", SignInMethod.OIDC, "https://login 2"),
        Vouched("bob", SignInMethod.OIDC, "https://login 2"),
        Vouched("carol", SignInMethod.OIDC, "https://login 3"),
        Vouched("<script>", SignInMethod.OIDC, "https://login 4", Role.VIEWER),
    ):
        with pytest.raises(RefusedUserError):
            vouched_user(connection, stranger, None)
    assert vouched_user(connection, Vouched("carol", SignInMethod.PROXY), Role.VIEWER).role is Role.VIEWER


def test_who_loses_the_role_at_the_provider_loses_it_here(connection: Connection) -> None:
    admin = Vouched("dora", SignInMethod.OIDC, "https://login 5", Role.ADMIN, says_roles=True)
    token = signed_in(connection, vouched_user(connection, admin, None))
    without = replace(admin, role=None)
    with pytest.raises(RefusedUserError):
        vouched_user(connection, without, None)
    assert vouched_user(connection, without, Role.VIEWER).role is Role.VIEWER
    assert find_session(connection, token, TIMES) is None


@pytest.fixture
def settings() -> Settings:
    return load_settings()


def test_commands_manage_users_and_leave_their_trail(settings: Settings) -> None:
    file = settings.home / "password"
    file.parent.mkdir(parents=True)
    file.write_text(f"{PASSWORD}\n")
    add = ("users", "add", "alice", "--role", "operator", "--json")
    assert orders(settings, *add, "--password-file", file).document["signs_in_by"] == "password"
    assert orders(settings, *add, "--password-file", file).error["code"] == "user_exists"
    assert orders(settings, *add).error["code"] == "no_password"
    assert orders(settings, "users", "add", "b c", "--role", "viewer", "--no-password", "--json").code == 1
    file.write_text("password1234")
    weak = orders(settings, "users", "password", "alice", "--password-file", file, "--json")
    assert weak.error["code"] == "weak_password"
    assert orders(settings, "users", "role", "alice", "admin", "--json").document["role"] == "admin"
    assert "#once=" in orders(settings, "users", "link", "alice", "--json").document["link"]
    assert orders(settings, "users", "sign-out", "alice", "--json").document == {"name": "alice", "ended": 0}
    own = orders(settings, "console", "--json")
    listed = orders(settings, "users", "list", "--json").document
    assert sorted(one["role"] for one in listed) == ["admin", "admin"]
    assert orders(settings, "users", "remove", "alice", "--json").document == {"removed": "alice"}
    assert orders(settings, "users", "remove", "alice", "--json").error["code"] == "unknown_user"
    trail = orders(settings, "audit", "--action", "users", "--json")
    assert {one["action"] for one in trail.document} == {
        f"users.{action}" for action in ("add", "role", "link", "sign_out", "remove")
    }
    assert own.document["link"].rpartition("=")[2] not in trail.out


@pytest.mark.parametrize(
    ("actor", "other", "same"),
    [
        ("cli:alice", "user:alice", True),
        ("user:alice", "user:alice", True),
        ("key:alice", "key:alice", True),
        ("key:alice", "user:alice", False),
        ("user:alice", "user:bob", False),
        ("retention", "watchdog", False),
    ],
)
def test_a_person_is_the_same_in_the_console_and_on_the_machine(actor: str, other: str, same: bool) -> None:
    assert is_same_person(actor, other) is is_same_person(other, actor) is same
