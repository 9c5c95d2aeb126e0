"""Sign-in, account and settings in a real browser: user actions, and what axe finds."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import Engine, insert

from orders_pipeline.access import users
from orders_pipeline.access.audit import record_action
from orders_pipeline.access.sign_in_links import make_link
from orders_pipeline.api.callers import access
from orders_pipeline.base.files.package_files import package_text
from orders_pipeline.base.settings import ApiReads, Settings
from orders_pipeline.imports.arrival.saved_profiles import remove_profile, save_profile
from orders_pipeline.store.schema import column_profiles
from tests.e2e.browser import browser
from tests.e2e.console.tabs import PHONE, problems, tab
from tests.servers.api_server import running_server
from tests.visitors import PASSWORD, engine, url

__all__ = ["browser", "engine", "url"]
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def settings(tmp_path: Path, redis_url: str) -> Settings:
    return Settings(
        home=tmp_path, redis_url=redis_url, rate_limit=0, payment_api_key="a secret of the gateway"
    )


def sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_a_link_signs_in_once_and_leaves_nothing_in_the_address(
    browser: Browser, url: str, engine: Engine
) -> None:
    with engine.begin() as connection:
        link = make_link(connection, users.get_user(connection, "admin"), url)
    with tab(browser, url) as page:
        page.goto(link)
        page.wait_for_url(f"{url}/")
        expect(page.get_by_role("link", name="admin", exact=True)).to_be_visible()
        page.go_back()
        assert "once" not in page.url
    with tab(browser, url) as page:
        page.goto(link)
        expect(page.get_by_text("This link was already used or has expired.")).to_be_visible()
        assert problems(page) == []


def test_a_person_signs_in_changes_the_password_and_signs_out(browser: Browser, url: str) -> None:
    new = "a very different passphrase"
    with tab(browser, url) as page:
        page.goto("/settings/audit")
        assert problems(page) == []
        sign_in(page, "viewer", "wrong")
        expect(page.get_by_text("The name or the password is wrong.")).to_be_visible()
        sign_in(page, "viewer")
        page.wait_for_url(f"{url}/settings/audit")
        expect(page.get_by_role("link", name="API keys")).to_have_count(0)
        page.get_by_role("link", name="viewer", exact=True).click()
        page.get_by_label("Current password").fill(PASSWORD)
        page.get_by_label("New password", exact=True).fill(new)
        page.get_by_label("New password, again").fill(new)
        page.get_by_role("button", name="Change password").click()
        expect(page.get_by_text("Your password was changed.")).to_be_visible()
        expect(page.get_by_text("This browser")).to_be_visible()
        expect(page.get_by_role("cell", name="Chrome, Linux")).to_be_visible()
        assert problems(page) == []
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url(f"{url}/sign-in")
        sign_in(page, "viewer", new)
        page.wait_for_url(f"{url}/")
        answered = page.goto("/settings/users")
        assert answered
        assert answered.status == 403
        expect(page.get_by_role("heading", name="You do not have permission to do this")).to_be_visible()


def test_an_open_page_says_that_its_session_has_ended(
    browser: Browser, settings: Settings, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "LOOK_AGAIN_SECONDS", 0.0)
    closed = settings.model_copy(update={"api_reads": ApiReads.KEY})
    with running_server(closed) as url, tab(browser, url) as page:
        page.goto("/operations?hours=168")
        sign_in(page, "viewer")
        expect(page.get_by_role("heading", name="Operations")).to_be_visible()
        with engine.begin() as connection:
            users.sign_out(connection, users.get_user(connection, "viewer"))
        expect(page.get_by_text("Your session has ended.")).to_be_visible()
        expect(page.get_by_text("The server does not answer.")).to_be_hidden()
        assert problems(page) == []
        page.get_by_role("link", name="Sign in again").click()
        sign_in(page, "viewer")
        page.wait_for_url(f"{url}/operations?hours=168")


def test_profiles_are_listed_and_removed_and_payments_shown_without_secrets(
    browser: Browser, url: str, engine: Engine
) -> None:
    toml = package_text("orders_pipeline.order_files.columns", "profiles/default.toml")
    with engine.begin() as connection:
        save_profile(connection, "own", toml.replace('name = "default"', 'name = "own"'), "user:ada")
        newer = {"name": "newer", "toml": 'from_the_future = "yes"', "saved_at": 0, "saved_by": "user:ada"}
        connection.execute(insert(column_profiles).values(newer))
    with tab(browser, url) as page:
        page.goto("/settings/payments")
        sign_in(page, "admin")
        expect(page.locator("#gateway")).to_contain_text("Simulated inside the workers")
        expect(page.get_by_role("row", name="ORDERS_PAYMENT_API_KEY")).to_contain_text("(hidden)")
        assert "a secret of the gateway" not in page.content()
        assert problems(page) == []
        page.get_by_role("link", name="Profiles").click()
        page.locator("#saved summary").first.click()
        expect(page.locator("#saved")).to_contain_text("Order number")
        expect(page.locator("#saved")).to_contain_text("from_the_future")
        expect(page.locator("#built-in")).to_contain_text("shopify")
        assert problems(page) == []
        with engine.begin() as connection:
            remove_profile(connection, "newer", "user:ada")
        page.reload()
        page.get_by_label("Remove the profile own").click()
        page.get_by_role("button", name="Yes, remove. 0 files").click()
        expect(page.get_by_text("The profile was removed.")).to_be_visible()
        expect(page.get_by_role("heading", name="No saved profiles")).to_be_visible()


def test_an_administrator_manages_users_and_keys(browser: Browser, url: str, engine: Engine) -> None:
    with tab(browser, url, PHONE) as page:
        page.goto("/settings")
        sign_in(page, "admin")
        page.goto("/settings/users")
        expect(page).to_have_title("Users · Settings · Orders")
        form = page.locator("#new")
        form.get_by_label("Name").fill("Carol")
        form.get_by_label("Role").select_option("operator")
        form.get_by_label("First password").fill("password1234")
        form.get_by_role("button", name="Add").click()
        expect(page.get_by_text("very common password")).to_be_visible()
        form.get_by_label("Name").fill("Carol")
        form.get_by_label("Role").select_option("operator")
        form.get_by_label("First password").fill(PASSWORD)
        form.get_by_role("button", name="Add").click()
        expect(page.get_by_text("The user was added.")).to_be_visible()
        page.get_by_label("Role of carol").select_option("viewer")
        page.get_by_role("row").filter(has_text="carol").get_by_role("button", name="Change role").click()
        expect(page.get_by_text("The role was changed.")).to_be_visible()
        assert problems(page) == []
        page.get_by_label("Remove carol").click()
        page.get_by_role("button", name="Yes, remove carol").click()
        expect(page.get_by_text("The user was removed.")).to_be_visible()
        page.get_by_role("link", name="API keys").click()
        page.locator("#new").get_by_label("Name").fill("deploy")
        page.get_by_role("button", name="Create").click()
        key = page.locator(".secret code").inner_text()
        assert problems(page) == []
        shown = page.request.get("/api/key", headers={"Authorization": f"Bearer {key}"}).json()
        assert shown["data"] == {"name": "deploy", "scopes": ["read"]}
        page.reload()
        page.goto("/settings/keys")
        expect(page.get_by_text(key)).to_have_count(0)
        page.get_by_label("Revoke deploy").click()
        page.get_by_role("button", name="Yes, programs with this key stop").click()
        expect(page.get_by_text("No keys yet")).to_be_visible()
    with engine.connect() as connection:
        assert "carol" not in {user.name for user in users.list_users(connection)}


def test_what_is_set_shows_without_secrets_and_the_trail_without_scripts(
    browser: Browser, url: str, engine: Engine
) -> None:
    with engine.begin() as connection:
        for number in range(60):
            record_action(connection, "cli:ada", "products.restock", f"{HOSTILE}{number}", reason=HOSTILE)
    with tab(browser, url) as page:
        page.goto("/settings")
        sign_in(page, "admin")
        page.goto("/settings/configuration?text=payment_api&only=set")
        expect(page.get_by_role("row").filter(has_text="ORDERS_PAYMENT_API_KEY")).to_contain_text("(hidden)")
        assert "a secret of the gateway" not in page.content()
        assert problems(page) == []
        page.goto("/settings/audit?action=products")
        expect(page.get_by_text(f"{HOSTILE}59")).to_be_visible()
        expect(page.get_by_text(f"{HOSTILE}5", exact=True)).to_have_count(0)
        page.get_by_role("link", name="Next").click()
        expect(page.get_by_text(f"{HOSTILE}5", exact=True)).to_be_visible()
        assert problems(page) == []
        page.goto("/settings/audit?actor=nobody")
        expect(page.get_by_text("No actions match")).to_be_visible()
        page.goto("/settings/webhooks")
        page.get_by_label("URL").fill("https://127.0.0.1/hook")
        page.get_by_label("order.completed").check()
        page.get_by_role("button", name="Add").click()
        expect(page.locator(".notice.bad")).to_be_visible()
        assert problems(page) == []
