"""Each installed tool of docs/tools.md, connected as the page describes, gives the API's numbers."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orders_pipeline.base.settings import PROJECT_ROOT
from orders_pipeline.figures.published_figures import PublishedFigures
from orders_pipeline.figures.questions.questions import NoFigures
from orders_pipeline.frames import Frames
from tests.documents import blocks
from tests.figures import open_home
from tests.made_up.four_currencies import CURRENCIES, DAYS, store_shop

PAGE = PROJECT_ROOT / "docs" / "tools.md"
PYTHON = [block.text for block in blocks(PAGE) if block.language == "python"]


@pytest.fixture
def home(
    migrated_postgres_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[PublishedFigures]:
    """A shop whose figures are published to `var`, as seen from the working folder."""
    monkeypatch.chdir(tmp_path)
    with open_home(migrated_postgres_url, redis_url, tmp_path / "var" / "warehouse") as figures:
        store_shop(figures.engine)
        figures.refresh_dirty_days()
        figures.update_tables()
        yield figures


def of_the_api(home: PublishedFigures) -> dict[str, float]:
    """Revenue by currency, from the API."""
    ranges = {code: home.kpis.range_kpis(DAYS[0], DAYS[-1], code) for code in CURRENCIES}
    return {code: document["total_revenue"] for code, document in ranges.items()}


def rows(found: Any) -> dict[str, float]:
    """Revenue by currency in an answer of any type."""
    listed = found.values.tolist() if hasattr(found, "values") else found
    listed = found.rows() if hasattr(found, "rows") else listed
    return {currency: float(revenue) for currency, revenue in listed}


def of_the_page(program: str) -> str:
    """The SQL that a program on the page runs."""
    return re.findall(rf'^{program} .*"(SELECT.*)"$', PAGE.read_text(), re.MULTILINE)[0]


@pytest.mark.parametrize("code", PYTHON, ids=["duckdb", "pandas", "polars"])
def test_python_reads_the_numbers_of_the_api(home: PublishedFigures, code: str) -> None:
    if ".df()" in code:
        pytest.importorskip("pandas")
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 the page's own code
    assert rows(names["revenue"]) == of_the_api(home)


def test_sql_tools_read_the_numbers_of_the_api(home: PublishedFigures) -> None:
    frames, query = Frames(home.folder, "USD"), of_the_page("duckdb")
    with duckdb.connect("var/warehouse/figures.duckdb", read_only=True) as connection:
        assert rows(connection.execute(query).fetchall()) == of_the_api(home)
    assert rows(frames.query(query)) == of_the_api(home)
    address = home.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    command = [
        "psql",
        address,
        "-At",
        "-F",
        "=",
        "-c",
        "SET search_path = figures",
        "-c",
        of_the_page("psql"),
    ]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[1:]
    assert rows([line.split("=") for line in printed]) == of_the_api(home)


def test_before_figures_are_published_a_notebook_gets_an_error(tmp_path: Path) -> None:
    with pytest.raises(NoFigures, match="No figures were published"):
        Frames(tmp_path, "USD").query("FROM orders")
