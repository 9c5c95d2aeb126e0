"""The pictures in the documents show the current pages."""

from __future__ import annotations

from pathlib import Path

from tests.screenshots import PAGES, PICTURES, hashes, kept_hashes, running_shop

LARGEST = 150_000


def test_no_page_has_changed_since_its_picture_was_taken(tmp_path: Path, redis_url: str) -> None:
    with running_shop(tmp_path, redis_url) as url:
        now = hashes(url)
    old = [name for name, of_now in now.items() if kept_hashes().get(name) != of_now]
    assert old == [], "The pictures of these pages are old: run `make screenshots`."
    sizes = {name: (PICTURES / f"{name}.png").stat().st_size for name in PAGES}
    assert max(sizes.values()) <= LARGEST, sizes
