"""Pictures of the console for the documents: `make screenshots`, after a page has changed.

Beside the pictures lie hashes of the pages' HTML and style sheets. What differs is taken again.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from hashlib import sha256
from pathlib import Path

import requests
from playwright.sync_api import Browser

from orders_pipeline.base.settings import PROJECT_ROOT
from orders_pipeline.console.rendering.static_files import STATIC
from tests.e2e.browser import KEY, running_browser, with_key
from tests.made_up_shop import NAMES, fill, shop_settings
from tests.servers.api_server import running_server
from tests.services import running_redis

PICTURES = PROJECT_ROOT / "docs" / "pictures"
HASHES = PICTURES / "pages.json"
ORDERS, LAST_DAY = 900, date(2025, 6, 30)
# Not every machine has fonts for all scripts.
CUSTOMERS = NAMES[:4]
JUNE = "start_date=2025-06-01&end_date=2025-06-30"
PAGES = {
    "overview": "/?start_date=2025-01-01&end_date=2025-06-30&by=week",
    "orders": f"/orders?{JUNE}",
    "order": "/orders/100893",
    "failed": "/failed",
}
WIDTH, HEIGHT = 1200, 760
# Parts that differ from day to day and from version to version: addresses of static files, times, numbers.
CHANGING = ((r"\?v=[0-9a-f.]+", ""), (r"<time.*?</time>", "<time>"), (r"\d+", "0"))


@contextmanager
def running_shop(folder: Path, redis_url: str) -> Iterator[str]:
    """Address of the console of the shop in the pictures."""
    settings = shop_settings(folder, redis_url)
    fill(settings, folder, ORDERS, LAST_DAY, CUSTOMERS)
    with running_server(settings) as address:
        yield address


def hashes(url: str) -> dict[str, str]:
    """The current hash of each page."""
    styles = "".join(file.read_text("utf-8") for file in sorted(STATIC.glob("*.css")))
    return {name: sha256((_html(url + path) + styles).encode()).hexdigest() for name, path in PAGES.items()}


def _html(address: str) -> str:
    answered = requests.get(address, headers={"Authorization": f"Bearer {KEY}"}, timeout=60)
    answered.raise_for_status()
    text = answered.text
    for pattern, replacement in CHANGING:
        text = re.sub(pattern, replacement, text, flags=re.DOTALL)
    return text


def kept_hashes() -> dict[str, str]:
    """The hash of each page when its picture was taken."""
    kept: dict[str, str] = json.loads(HASHES.read_text("utf-8")) if HASHES.exists() else {}
    return kept


def _take(browser: Browser, url: str, name: str) -> None:
    context = browser.new_context(
        viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light", locale="en-GB"
    )
    page = with_key(context.new_page())
    page.goto(url + PAGES[name])
    page.evaluate("document.fonts.ready")
    if page.locator(".chart").count():
        page.wait_for_selector(".chart canvas")
    page.screenshot(path=PICTURES / f"{name}.png")
    context.close()


def main() -> None:
    """Takes the pictures of changed pages."""
    PICTURES.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_redis() as redis_url,
        running_shop(Path(folder), redis_url) as url,
        running_browser() as browser,
    ):
        kept, now = kept_hashes(), hashes(url)
        for name in PAGES:
            if kept.get(name) != now[name] or not (PICTURES / f"{name}.png").exists():
                _take(browser, url, name)
    HASHES.write_text(json.dumps(now, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
