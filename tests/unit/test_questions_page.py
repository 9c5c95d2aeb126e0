"""docs/questions.md is generated from the queries of the package, which `orders report` runs."""

from __future__ import annotations

import sys

from orders_pipeline.base.settings import PROJECT_ROOT
from orders_pipeline.figures.questions.questions import NAMES, questions

PAGE = PROJECT_ROOT / "docs" / "questions.md"
HEAD = """\
# Questions

Ready-made reports for analysts, with their SQL. There are three ways to run them:

- `orders report NAME` prints the result; for programs, add `--csv` or `--json`.
- In a notebook, `open_frames().report("NAME")` returns a polars frame.
- Copy the query into any tool that reads `figures.duckdb` or, on PostgreSQL, the schema `figures`
  ([tools](tools.md)).

Each row is in one currency. Months and days are those of orders in `ORDERS_TIMEZONE`. The
[data dictionary](data-dictionary.md#tables-for-other-tools) describes the columns that the queries use.
`make format` generates this page from `orders_pipeline/figures/questions`.

| name | question |
|---|---|
"""


def page() -> str:
    """The expected content of the page."""
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
