"""docs/questions.md is written from the queries of the package: it shows what `orders report` runs."""

from __future__ import annotations

import sys

from orders_pipeline.base.settings import PROJECT_ROOT
from orders_pipeline.figures.questions.questions import NAMES, questions

PAGE = PROJECT_ROOT / "docs" / "questions.md"
HEAD = """\
# Questions

Each query runs as it stands here on `figures.duckdb` and, on PostgreSQL, in the schema `figures`
([tools](tools.md)). `orders report NAME` prints its answer, `--csv` and `--json` for programs; in a notebook,
`open_frames().report("NAME")` is a polars frame.

Each row is of one currency. Months and days are those of orders in `ORDERS_TIMEZONE`; the
[data dictionary](data-dictionary.md#tables-for-other-tools) describes the columns behind them. `make format`
writes this page from `orders_pipeline/figures/questions`.

| name | question |
|---|---|
"""


def page() -> str:
    """The page as it should be."""
    known = questions().values()
    rows = "".join(f"| [`{one.name}`](#{one.name}) | {one.title} |\n" for one in known)
    parts = "".join(
        f"\n## {one.name}\n**{one.title}.** {one.meaning}\n\n```sql\n{one.sql.strip()}\n```\n"
        for one in known
    )
    return HEAD + rows + parts


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == page()


def test_every_query_of_the_package_is_a_question() -> None:
    files = (PROJECT_ROOT / "orders_pipeline" / "figures" / "questions").glob("*.sql")
    assert {file.stem for file in files} == set(NAMES)


if __name__ == "__main__":
    sys.stdout.write(page())
