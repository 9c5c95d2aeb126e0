"""Rejected lines that are corrected on the page of their file, and imported like a corrected export."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from orders_pipeline.base.settings import Settings
from orders_pipeline.store.engine import open_engine
from tests.e2e.browser import KEY, browser, url, with_key
from tests.import_bench import HEADER, ImportBench, Line, many_orders
from tests.visitors import Visitor, add_one_of_each_role, visitor

__all__ = ["browser", "url"]
QUANTITY, PRICE, NAME = 5, 6, 2
HTML = "<img src=x onerror=alert(1)>"


@pytest.fixture
def bench(tmp_path: Path, redis_url: str) -> Iterator[ImportBench]:
    """A home with users."""
    settings = Settings(home=tmp_path / "home", redis_url=redis_url, rate_limit=0, api_key=KEY)
    engine = open_engine(settings.store_url)
    bench = ImportBench.at(engine, tmp_path)
    bench.set(redis_url=redis_url, rate_limit=0, api_key=KEY)
    add_one_of_each_role(engine)
    yield bench
    engine.dispose()


@pytest.fixture
def operator(url: str) -> Iterator[Visitor]:
    with visitor(url) as one:
        one.sign_in("operator")
        yield one


def fields(operator: Visitor, key: str) -> dict[str, str]:
    """The form of the rejected lines with its values."""
    shown = operator.get(f"/files/{key}").text
    found = re.findall(r'<input name="(cell-[\d-]+)" value="([^"]*)"', shown)
    found += re.findall(r'<textarea name="(line-\d+)"[^>]*>\n(.*?)</textarea>', shown, re.DOTALL)
    return {name: unescape(value) for name, value in found}


def corrected(operator: Visitor, key: str, **changes: str) -> str:
    """Key of the import of the corrections."""
    sent = fields(operator, key) | {name.replace("_", "-"): value for name, value in changes.items()}
    answer = operator.post(f"/files/{key}/rejects", operator.token(), **sent)
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"].rpartition("/")[2]


def test_corrected_orders_enter_whole_and_what_is_still_wrong_comes_back(
    operator: Visitor, bench: ImportBench
) -> None:
    bad = [Line("b1", quantity=0), Line("b1", "CABLE", 2, "3.00"), Line("b2", price="free", name=HTML)]
    key = bench.stage(bench.write(*many_orders(2), *bad, Line("b3", date="soon")))
    bench.settle(key)
    page = operator.get(f"/files/{key}").text
    assert HTML not in page
    assert (
        operator.post(f"/files/{key}/rejects", operator.token(), **fields(operator, key)).status_code == 422
    )
    again = corrected(operator, key, **{f"cell_3_{QUANTITY}": "1", f"cell_5_{PRICE}": "cheap"})
    report = bench.settle(again)
    assert report.orders == {"accepted": 1, "rejected": 1, "duplicate": 0}
    assert report.revenue == {"USD": "16.00"}
    assert "cheap" in operator.get(f"/files/{again}").text
    last = corrected(operator, again, **{f"cell_3_{PRICE + 6}": "2.50"})
    assert bench.settle(last).revenue == {"USD": "2.50"}
    assert set(bench.statuses()) == {"n0", "n1", "b1", "b2"}
    assert operator.get(f"/files/{key}").text.count("imported since") == 3
    assert bench.broken_checks() == set()


def test_a_column_is_set_in_all_lines_with_a_reason(operator: Visitor, bench: ImportBench) -> None:
    key = bench.stage(bench.write(*many_orders(60, quantity="two"), Line("p", price="free")))
    bench.settle(key)
    correction = {"code": "quantity_unreadable", "column": str(QUANTITY), "value": "2"}
    answer = operator.post(f"/files/{key}/rejects/all", operator.token(), **correction)
    report = bench.settle(answer.headers["Location"].rpartition("/")[2])
    assert (report.orders["accepted"], report.revenue) == (60, {"USD": "1200.00"})
    for wrong in ({"column": "x"}, {"column": "99"}, {"code": "nothing"}):
        refused = operator.post(f"/files/{key}/rejects/all", operator.token(), **{**correction, **wrong})
        assert refused.status_code == 422


def test_a_broken_line_is_corrected_as_a_whole(operator: Visitor, bench: ImportBench) -> None:
    key = bench.stage(bench.write(*many_orders(3), "z1,c1,Ada,MOUSE,Mouse,1,10.00,USD"))
    bench.settle(key)
    ((name, value),) = fields(operator, key).items()
    odd = operator.post(f"/files/{key}/rejects", operator.token(), **{name: f"{value}\U0010ffff"})
    assert odd.status_code in (303, 422)
    again = corrected(operator, key, **{name: f"{value},2025-11-10"})
    assert bench.settle(again).orders["accepted"] == 1


def test_what_the_file_cannot_hold_is_refused(operator: Visitor, bench: ImportBench) -> None:
    file = bench.folder / "latin.csv"
    lines = [
        HEADER,
        *(str(Line(f"l{n}", name="Zoë Müller")) for n in range(9)),
        str(Line("b", quantity=0, name="Zoë")),
    ]
    file.write_bytes("\r\n".join([*lines, ""]).encode("cp1252"))
    key = bench.stage(file)
    bench.settle(key)
    sent = fields(operator, key)
    refused = operator.post(
        f"/files/{key}/rejects",
        operator.token(),
        **{**sent, f"cell-10-{NAME}": "Ł", f"cell-10-{QUANTITY}": "1"},
    )
    assert refused.status_code == 422
    assert "its encoding is cp1252" in refused.text
    again = corrected(operator, key, **{f"cell_10_{QUANTITY}": "1", f"cell_10_{NAME}": 'Zoë, "the" Great'})
    assert bench.settle(again).orders["accepted"] == 1


def test_a_viewer_sees_the_cells_and_corrects_none(bench: ImportBench, url: str) -> None:
    key = bench.stage(bench.write(Line("b", quantity="two")))
    bench.settle(key)
    with visitor(url) as viewer:
        viewer.sign_in("viewer")
        shown = viewer.get(f"/files/{key}").text
        assert "<bdi>two</bdi>" in shown
        assert "cell-" not in shown.replace('"why-cell-', "")
        assert viewer.post(f"/files/{key}/rejects", viewer.token(), x="y").status_code == 403


def test_cells_become_fields_once_the_file_is_finished(
    browser: Browser, bench: ImportBench, url: str
) -> None:
    key = bench.parsed(Line("1"), Line("b", quantity="two"))
    page = with_key(browser.new_page())
    page.goto(f"{url}/files/{key}")
    assert page.locator(".reject").count() == 1
    assert page.locator(".reject input").count() == 0
    with ThreadPoolExecutor(1) as beside:  # Playwright's event loop runs in this thread
        beside.submit(bench.settle, key).result()
    page.evaluate("htmx.trigger(document.body, 'published')")
    page.locator(".reject input").first.wait_for()
    page.close()
