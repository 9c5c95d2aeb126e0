"""`orders demo`: imports the sample file through the whole pipeline and shows the results."""

from __future__ import annotations

from datetime import date

import typer

from cli.context import open_store
from cli.figures import open_figures_of
from cli.output import command, page
from cli.pages.figures_page import show_figures
from cli.pages.import_page import show_runs
from cli.runs.import_files import ImportCommand
from orders_pipeline.base.settings import PROJECT_ROOT, Settings, load_settings
from orders_pipeline.stock.product_list import import_products, read_products

SAMPLE = PROJECT_ROOT / "data" / "sample.csv"
PRODUCTS = PROJECT_ROOT / "data" / "products.csv"
SAMPLE_DAYS = (date(2025, 11, 10), date(2025, 11, 11))


@command
def demo(context: typer.Context) -> None:
    """Import the ten sample orders through Dagster, Celery and Redis, and show the results."""
    settings = load_settings()
    with open_store(settings) as engine:
        with engine.begin() as connection:
            import_products(connection, read_products(PRODUCTS))
        runs = ImportCommand(settings, engine, context.obj).run([SAMPLE])
    show_runs(runs)
    if any(run.error for run in runs):
        raise typer.Exit(1)
    with open_figures_of(settings) as figures:
        show_figures(figures, *SAMPLE_DAYS)
    _show_next(settings)


def _show_next(settings: Settings) -> None:
    page.print(f"\n[bold]All state is in[/] {settings.home}", highlight=False)
    page.print(
        "[bold]Try next[/], after [cyan]source .venv/bin/activate[/]:\n"
        "  [cyan]orders show 1004[/]              show the history of one order\n"
        "  [cyan]orders import FILE[/]            import your own file; [cyan]--dry-run[/] changes nothing\n"
        "  [cyan]orders kpis daily --date 2025-11-10[/]\n"
        "  [cyan]orders verify[/]                 check every invariant from scratch\n"
        "  [cyan]orders up[/]                     start all processes and the Dagster UI",
        highlight=False,
    )


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("demo")(demo)
